package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/headwater-platform/headwater/config"
	"github.com/headwater-platform/headwater/server"
)

// serveCommand serves the platform that is in a database.
type serveCommand struct {
	config.Config `embed:""`

	PrintJSON bool `name:"print-json" help:"Print one line of JSON on stdout when ready."`
}

// Help shows examples.
func (serveCommand) Help() string {
	return "Examples:\n  headwater serve --database-url postgres://headwater@db/headwater\n  HEADWATER_ADDR=0.0.0.0:8080 headwater serve"
}

// Run serves until the context ends.
func (c serveCommand) Run(ctx context.Context, io streams) (err error) {
	p, err := openPlatform(ctx, string(c.Database.URL), boundsOf(c.Limits))
	if err != nil {
		return err
	}
	defer func() { err = closing("database", err, p.db.Close()) }()
	if err := p.checkRoot(ctx); err != nil {
		return err
	}
	if _, err := p.db.Revision(ctx); err != nil {
		return err
	}
	if err := p.services.Usage.Sweep(ctx); err != nil {
		return err
	}
	stop := p.follow(ctx)
	defer func() { err = errors.Join(err, stop()) }()
	issuer, err := openIssuer(c.Tokens)
	if err != nil {
		return err
	}
	sender, err := openSMTP(c.Mail)
	if err != nil {
		return err
	}
	listener, err := listen(ctx, c.HTTP.Addr)
	if err != nil {
		return err
	}
	address := c.HTTP.BaseURL(listener.Addr())
	logger := c.Log.Logger(io.err)
	handler, err := p.handler(serving{issuer: issuer, limits: c.Limits, http: c.HTTP, outbound: c.Outbound, address: address, logger: logger, sender: sender})
	if err != nil {
		return closing("listener", err, listener.Close())
	}
	defer p.work(ctx, logger)()
	if err := announce(io, address, c.PrintJSON); err != nil {
		return closing("listener", err, listener.Close())
	}
	return server.Serve(ctx, listener, handler)
}

func listen(ctx context.Context, addr string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return listener, nil
}

// ready is the line of --print-json.
type ready struct {
	URL        string `json:"url"`
	GraphQL    string `json:"graphql"`
	Playground string `json:"playground"`
	PID        int    `json:"pid"`
}

func readyAt(address string) ready {
	return ready{URL: address, GraphQL: address + "/graphql", Playground: address + "/playground", PID: os.Getpid()}
}

// announce says where the server answers.
func announce(io streams, address string, asJSON bool) error {
	if asJSON {
		return printJSON(io.out, readyAt(address))
	}
	_, err := fmt.Fprintf(io.err, "headwater serves %s (playground %s/playground)\n", address, address)
	return err
}

func printJSON(w io.Writer, value any) error {
	encoded, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	_, err = fmt.Fprintln(w, string(encoded))
	return err
}
