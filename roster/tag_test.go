package roster_test

import (
	"testing"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/roster"
)

func TestCheckTags(t *testing.T) {
	t.Parallel()
	long := make([]byte, roster.MaxTag+1)
	for i := range long {
		long[i] = 'a'
	}
	many := make([]string, roster.MaxTags+1)
	for i := range many {
		many[i] = string(rune('a' + i))
	}
	for _, tags := range [][]string{{""}, {string(long)}, {"a", "a"}, {" a"}, {"a\nb"}, many} {
		if err := roster.CheckTags(tags); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%q: %v", tags, err)
		}
	}
	if err := roster.CheckTags([]string{string(long[1:]), "team:a"}); err != nil {
		t.Error(err)
	}
}
