package sps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/changeover-sdk/changeover/internal/act"
)

// ConsoleFirmware is a firmware update using SSH, as far as it is documented.
//
// The guide's steps are: get the image, choose Shells > Core shell, copy the image to the appliance (SPS 5.8.0 Administration Guide, Firmware update
// using SSH). What follows, the command that installs it and how it is tested and selected, could not be read in any document, so none is known
// here: Commands come from whoever has them from Support. The guide recommends the web interface and warns that this way may be dropped.
//
// Images, Image, SHA256 and Path are required; Consent is too when there are Commands.
type ConsoleFirmware struct {
	Images fs.FS
	Image  string // name of the image in Images
	SHA256 string // of the image, from the vendor's download page: 64 hexadecimal digits
	Path   string // where it goes on the appliance; see [Console.Upload] on which root that is

	// Commands are run one after the other when the image is there, each if the one before it ended with status 0. They are shown in the question:
	// no secrets there.
	Commands []string

	// Consent asks whoever is responsible, after the image was proven and before the first command, and returns whether they agree. The question names the
	// appliance, the image and every command in full.
	Consent func(ctx context.Context, question string) (bool, error)

	Progress func(sent, total int64) // as in [Console.Upload]; may be nil
}

// UpdateFirmware checks the image against SHA256, puts it onto the appliance, has the appliance prove its hash, asks for consent, and runs the commands. It returns
// their outputs, also of the one that failed. Without commands it asks nothing and is done when the image is there.
//
// Nothing is sent again. Without consent, and with [ErrNotSent], no command was run. What came of the others is for a look to tell: compare the
// firmware slots, [Client.Slots], or look at Basic Settings > System > Version details.
func (c *Console) UpdateFirmware(ctx context.Context, f ConsoleFirmware) ([]ConsoleOutput, error) {
	const op = "update firmware"
	f.Commands = slices.Clone(f.Commands)
	if err := f.check(); err != nil {
		return nil, c.unsent(op, &ConsoleError{Addr: c.addr, Err: err})
	}
	image, err := HashFirmware(ctx, f.Images, f.Image)
	if err == nil {
		err = image.Check(f.SHA256)
	}
	if err != nil {
		return nil, c.unsent(op, &ConsoleError{Addr: c.addr, Err: err})
	}
	uploaded, err := c.Upload(ctx, f.Images, f.Image, f.Path, f.Progress)
	if err == nil && uploaded != image {
		err = &ConsoleError{Addr: c.addr, classes: []error{ErrChecksum}, message: "the image here changed since it was checked; what is on the appliance now is not the one that was meant"}
	}
	if err != nil {
		e := consoleError(c.addr, err)
		return nil, e.of(strings.TrimSuffix(op+": "+e.Op, ": "))
	}
	if len(f.Commands) == 0 {
		return nil, nil
	}
	yes, err := f.Consent(ctx, f.question(c.addr))
	switch {
	case ctx.Err() != nil:
		return nil, c.ended(ctx, op).with(act.ErrNotSent)
	case err != nil:
		return nil, c.unsent(op, &ConsoleError{Addr: c.addr, message: "no answer to the question for consent", Err: err})
	case !yes:
		return nil, c.unsent(op, &ConsoleError{Addr: c.addr, message: "nobody consents", Advice: "the image stays at " + f.Path + "; files left behind may taint the firmware"})
	}
	var out []ConsoleOutput
	for i, command := range f.Commands {
		o, err := c.run(ctx, fmt.Sprintf("%s: command %d of %d", op, i+1, len(f.Commands)), command)
		out = append(out, o)
		if err != nil {
			return out, c.afterAct(i, err)
		}
	}
	return out, nil
}

// afterAct takes "not sent" from an error when an earlier command was run: the whole has acted.
func (c *Console) afterAct(commands int, err error) error {
	e, ok := errors.AsType[*ConsoleError](err)
	if !ok || commands == 0 || !e.Is(act.ErrNotSent) {
		return err
	}
	out := *e
	out.classes = slices.DeleteFunc(slices.Clone(e.classes), func(class error) bool { return class == act.ErrNotSent })
	out.Advice = strings.TrimPrefix(out.Advice+fmt.Sprintf("; %d commands were run before it", commands), "; ")
	return &out
}

func (f ConsoleFirmware) check() error {
	if f.Images == nil || f.Image == "" || f.SHA256 == "" || f.Path == "" {
		return errors.New("want Images, Image, SHA256 and Path")
	}
	if len(f.Commands) > 0 && f.Consent == nil {
		return errors.New("want Consent: commands are run for somebody who agreed to them")
	}
	for i, command := range f.Commands {
		if strings.TrimSpace(command) == "" || strings.IndexFunc(command, func(r rune) bool { return visible(r) != r }) >= 0 {
			return fmt.Errorf("command %d is empty, or has characters that nobody would see in the question", i+1)
		}
	}
	return nil
}

func (f ConsoleFirmware) question(addr string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "The image %s, SHA-256 %s, is on %s as %s, proven by its hash. Shall these commands be run there as they stand? ", f.Image, strings.ToLower(strings.TrimSpace(f.SHA256)), addr, f.Path)
	b.WriteString("The vendor's documents that could be read name none; SSH is supported only on Support's instructions. There is no way back from a half-done installation but the console.\n")
	for i, command := range f.Commands {
		fmt.Fprintf(&b, "%d: %s\n", i+1, command)
	}
	return b.String()
}
