package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/headwater-platform/headwater/service/organizations"
)

// register says who does which jobs, and what is done again and again.
func (p *platform) register() {
	does := p.services.Jobs
	does.Every(time.Hour, "sweep-jobs", does.Sweep)
	does.Handle(organizations.PurgeJob, p.services.Organizations.DoPurge)
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
