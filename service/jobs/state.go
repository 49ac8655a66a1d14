package jobs

import (
	"time"

	"github.com/headwater-platform/headwater/fault"
)

// Status is the state of a job.
type Status string

// The states of a job.
const (
	Pending Status = "PENDING"
	Done    Status = "DONE"
	Failed  Status = "FAILED"
)

// step is what can happen to a job.
type step string

const (
	finishing  step = "finish"
	postponing step = "postpone"
	givingUp   step = "give up"
	retrying   step = "retry"
)

// party is who can take a step.
type party string

const (
	theWorker       party = "who works on it"
	anAdministrator party = "an administrator of the platform"
)

// transition is one way from state to state.
type transition struct {
	from Status
	step step
	by   party
	to   Status
}

// transitions is the whole life of a job. What is not in the table is refused.
func transitions() []transition {
	return []transition{
		{Pending, finishing, theWorker, Done},
		{Pending, postponing, theWorker, Pending},
		{Pending, givingUp, theWorker, Failed},
		{Failed, retrying, anAdministrator, Pending},
	}
}

// next returns the state that a step leads to, or CONFLICT.
func next(from Status, s step) (Status, error) {
	for _, t := range transitions() {
		if t.from == from && t.step == s {
			return t.to, nil
		}
	}
	return "", fault.New(fault.Conflict, "the job is %s", from)
}

const (
	// maxAttempts is how often a job is tried before it has failed.
	maxAttempts = 12
	// shortestDelay and longestDelay bound how long a job waits for the next try.
	shortestDelay = time.Minute
	longestDelay  = 6 * time.Hour
)

// delayAfter returns how long a job waits after a number of tries that failed:
// twice as long each time, until that is long enough.
func delayAfter(attempts int) time.Duration {
	delay := shortestDelay
	for range attempts - 1 {
		delay *= 2
		if delay >= longestDelay {
			return longestDelay
		}
	}
	return delay
}
