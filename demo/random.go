package demo

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
)

// newRandom returns the numbers of a seed for one purpose. Purposes do not
// disturb each other: more people leave the usage as it is.
func newRandom(seed uint64, purpose string) *rand.Rand {
	return rand.New(rand.NewChaCha8(sha256.Sum256(fmt.Append(nil, seed, " ", purpose)))) //nolint:gosec // made up, and the same each time
}

// pick returns one of a list.
func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// between returns a number from low to high, both included.
func between(r *rand.Rand, low, high int) int { return low + r.IntN(high-low+1) }

// chance reports true in so many of a hundred cases.
func chance(r *rand.Rand, percent int) bool { return r.IntN(100) < percent }

// shuffled returns a list in random order.
func shuffled[T any](r *rand.Rand, list []T) []T {
	mixed := append([]T(nil), list...)
	r.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	return mixed
}
