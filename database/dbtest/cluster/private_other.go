//go:build !unix

package cluster

import (
	"context"
	"errors"
	"os"
)

// superuser is the database role of the tests in a private cluster.
const superuser = "headwater"

// place is where private clusters live; there is none on this system.
type place struct{}

func defaultPlace() (place, error) {
	return place{}, errors.New("private clusters need a Unix system")
}

func (place) join(context.Context) (string, *os.File, error) {
	return "", nil, errors.New("private clusters need a Unix system")
}
