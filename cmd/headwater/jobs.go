package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/service/organizations"
	"github.com/headwater-platform/headwater/service/statements"
)

// register says who does which jobs, and what is done again and again.
func (p *platform) register() {
	does := p.services.Jobs
	does.Every(time.Hour, "sweep-jobs", does.Sweep)
	does.Handle(organizations.PurgeJob, p.services.Organizations.DoPurge)
	does.Handle(database.RateUsage, p.services.Usage.Rate)
	does.Every(time.Hour, "sweep-usage", func(ctx context.Context, _ []byte) error { return p.services.Usage.Sweep(ctx) })
	does.Every(24*time.Hour, "archive-usage", func(ctx context.Context, _ []byte) error { return p.services.Usage.Archive(ctx) })
	does.Handle(statements.CloseJob, p.services.Statements.GoOn)
	does.Handle(database.CheckSpending, func(ctx context.Context, payload []byte) error {
		return errors.Join(p.services.Allocations.Check(ctx, payload), p.services.Budgets.Check(ctx, payload))
	})
	does.Every(time.Hour, "sweep-spending", func(ctx context.Context, _ []byte) error {
		return errors.Join(p.services.Allocations.CheckAll(ctx), p.services.Budgets.CheckAll(ctx))
	})
	does.Every(24*time.Hour, "sweep-payment-methods", func(ctx context.Context, _ []byte) error { return p.services.Payments.Sweep(ctx) })
	// Those that need the signing keys come to be after this and before any job.
	does.Every(time.Hour, "sweep-invitations", func(ctx context.Context, _ []byte) error {
		_, err := p.services.Invitations.Sweep(ctx)
		return err
	})
	does.Handle(records.DeliverJob, func(ctx context.Context, payload []byte) error { return p.services.Webhooks.Deliver(ctx, payload) })
	does.Every(time.Hour, "sweep-webhooks", func(ctx context.Context, _ []byte) error { return p.services.Webhooks.Sweep(ctx) })
	does.Every(10*time.Minute, "sweep-sessions", func(ctx context.Context, _ []byte) error { return p.services.Sessions.Sweep(ctx) })
	does.Every(time.Hour, "sweep-sign-in-flows", func(ctx context.Context, _ []byte) error { return p.services.Identity.Sweep(ctx) })
}

// work does jobs until stop is called, which returns once those that run have
// ended.
func (p *platform) work(ctx context.Context, logger *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.services.Jobs.Run(ctx, logger)
	}()
	return func() {
		cancel()
		<-ended
	}
}
