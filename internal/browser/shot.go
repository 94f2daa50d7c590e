package browser

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"strings"

	"github.com/changeover-sdk/changeover/internal/browser/axtree"
)

// maxHeight is how many pixels of a long page are on a screenshot.
const maxHeight = 12000

// errRestless says that the page changed while its picture was taken.
var errRestless = errors.New("the page keeps changing: no picture of it is certain to hide what is secret")

// Shot takes a picture of the whole page, in which what is secret is black. Where it cannot be certain what to make black there is no picture, but
// an error.
func (p *Page) Shot(ctx context.Context) ([]byte, error) {
	for range 5 {
		raw, err := p.shot(ctx)
		if errors.Is(err, errRestless) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("browser: screenshot: %w", err)
		}
		return raw, nil
	}
	return nil, fmt.Errorf("browser: screenshot: %w", errRestless)
}

// shot takes the boxes, the picture, and the boxes again.
func (p *Page) shot(ctx context.Context) ([]byte, error) {
	before, boxes, err := p.secretBoxes(ctx)
	if err != nil {
		return nil, err
	}
	var m struct {
		CSSContentSize struct{ Width, Height float64 }
	}
	if err := p.call(ctx, "Page.getLayoutMetrics", nil, &m); err != nil {
		return nil, err
	}
	clip := dict{"x": 0, "y": 0, "width": max(1, min(m.CSSContentSize.Width, 4*width)), "height": max(1, min(m.CSSContentSize.Height, maxHeight)), "scale": 1}
	var shot struct{ Data string }
	if err := p.call(ctx, "Page.captureScreenshot", dict{"format": "png", "captureBeyondViewport": true, "clip": clip}, &shot); err != nil {
		return nil, err
	}
	after, again, err := p.secretBoxes(ctx)
	if err != nil {
		return nil, err
	}
	if before != after || fmt.Sprint(boxes) != fmt.Sprint(again) {
		return nil, errRestless
	}
	raw, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		return nil, err
	}
	return blacken(raw, boxes)
}

// secretBoxes returns what is on the page, in short, and where on the page secrets are.
func (p *Page) secretBoxes(ctx context.Context) (page string, boxes []image.Rectangle, err error) {
	clear(p.kinds) // a field may have been turned from a password field into one that shows it
	s, err := p.look(ctx)
	if err != nil {
		return "", nil, err
	}
	var m struct {
		CSSVisualViewport struct{ PageX, PageY float64 }
	}
	if err := p.call(ctx, "Page.getLayoutMetrics", nil, &m); err != nil {
		return "", nil, err
	}
	var text strings.Builder
	s.Root.All(func(n *axtree.Node) bool {
		fmt.Fprintln(&text, n.Role, n.Name, n.Value, n.Backend)
		if err != nil || n.Backend == 0 || !n.Password && !n.Secret {
			return err == nil
		}
		var q struct{ Quads [][]float64 }
		if err = p.call(ctx, "DOM.getContentQuads", dict{"backendNodeId": n.Backend}, &q); err != nil {
			return false
		}
		for _, box := range q.Quads {
			if len(box) == 8 {
				boxes = append(boxes, around(box, m.CSSVisualViewport.PageX, m.CSSVisualViewport.PageY))
			}
		}
		return true
	})
	return text.String(), boxes, err
}

func around(quad []float64, dx, dy float64) image.Rectangle {
	x := []float64{quad[0], quad[2], quad[4], quad[6]}
	y := []float64{quad[1], quad[3], quad[5], quad[7]}
	least, greatest := func(v []float64) float64 { return min(v[0], v[1], v[2], v[3]) }, func(v []float64) float64 { return max(v[0], v[1], v[2], v[3]) }
	const rim = 2
	return image.Rect(int(math.Floor(least(x)+dx))-rim, int(math.Floor(least(y)+dy))-rim, int(math.Ceil(greatest(x)+dx))+rim, int(math.Ceil(greatest(y)+dy))+rim)
}

// blacken draws the boxes. The page itself is not touched.
func blacken(raw []byte, boxes []image.Rectangle) ([]byte, error) {
	in, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	out := image.NewRGBA(in.Bounds())
	draw.Draw(out, out.Bounds(), in, in.Bounds().Min, draw.Src)
	for _, box := range boxes {
		draw.Draw(out, box, image.NewUniform(color.Black), image.Point{}, draw.Src)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, out); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
