package producer

import (
	"context"
	"sync"
)

// pipeline renders batches in several goroutines and writes them in the order in
// which they were made.
type pipeline struct {
	jobs   chan *Batch
	order  chan *Batch
	failed chan struct{}
	err    error // once failed is closed
	done   sync.WaitGroup
}

func newPipeline(ctx context.Context, r *renderer, write func(context.Context, *Batch) error, workers int) *pipeline {
	p := &pipeline{jobs: make(chan *Batch, 2*workers), order: make(chan *Batch, 4*workers), failed: make(chan struct{})}
	for range workers {
		p.done.Add(1)
		go func() {
			defer p.done.Done()
			w := &worker{}
			for b := range p.jobs {
				r.render(w, b)
				b.ready <- struct{}{}
			}
		}()
	}
	p.done.Add(1)
	go func() {
		defer p.done.Done()
		for b := range p.order {
			<-b.ready
			if p.err != nil {
				b.Release()
				continue
			}
			if p.err = write(ctx, b); p.err != nil {
				close(p.failed)
			}
		}
	}()
	return p
}

func (p *pipeline) send(b *Batch) error {
	select {
	case <-p.failed:
		b.Release()
		return p.err
	default:
	}
	p.jobs <- b
	p.order <- b
	return nil
}

// close waits until everything sent has been written.
func (p *pipeline) close() error {
	close(p.jobs)
	close(p.order)
	p.done.Wait()
	return p.err
}
