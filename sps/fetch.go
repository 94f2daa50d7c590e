package sps

import (
	"context"
	"errors"
	"net/url"
	"slices"
)

// FetchFirmware lets the appliance download an image from address by itself, check that its SHA-256 is sum, and put it into a free
// slot, and waits until it has; ctx bounds how long. When ctx ends first, the download is cancelled. One that is already being
// installed cannot be.
//
// Before anything is sent, a free slot is looked for; without one the error is of class [ErrNoFreeSlot]. A download that
// ends without success is of class [ErrFailed]. The appliance's record of the download is removed in the end. The address must not
// hold a password: the appliance keeps and shows it.
//
// It needs SPS 7.0 LTS or later; an older one answers with class [ErrNotFound].
//
// Source: SPS 7.0 LTS REST API Reference Guide, firmware fetch.
func (c *Client) FetchFirmware(ctx context.Context, address, sum string) error {
	const op, path = "fetch firmware", "/api/firmware/fetch"
	digits, err := parseSHA256(sum)
	if err != nil {
		return notSent(op, err)
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return notSent(op, errors.New("the address of the image is none: want https://host/path"))
	}
	if u.User != nil {
		return notSent(op, errors.New("the address of the image holds a user or a password, which the appliance would keep and show"))
	}
	before, err := c.freeSlots(ctx, op)
	if err != nil {
		return err
	}
	j, err := c.startJob(ctx, op, path, map[string]any{"url": u.String(), "checksum": map[string]string{"sha256": digits}})
	if err != nil {
		return err
	}
	defer c.forget(ctx, j)
	return c.await(ctx, j, func(ctx context.Context) bool {
		now, err := c.Slots(ctx)
		return err == nil && slices.ContainsFunc(now.List, func(s Slot) bool {
			_, err := before.Key(s.Key)
			return err != nil // it was empty before
		})
	})
}
