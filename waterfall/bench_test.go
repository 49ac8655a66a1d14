package waterfall_test

import (
	"testing"

	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/waterfall"
	"github.com/headwater-platform/headwater/waterfall/catalogue"
)

// BenchmarkFold40Keys folds 40 settings along a path of depth 6 – the platform,
// five partners, a customer – on which every third node says something.
func BenchmarkFold40Keys(b *testing.B) {
	nodes := deepPath()
	definitions := catalogue.Definitions()[:40]
	directives := make([][]waterfall.Directive, len(definitions))
	for i, d := range definitions {
		directives[i] = someDirectives(b, d, nodes, i)
	}
	b.Run("values", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for i, d := range definitions {
				state := waterfall.Start(d)
				for _, step := range waterfall.Steps(nodes, directives[i]) {
					state = state.Apply(step)
				}
				_ = state.Value()
			}
		}
	})
	b.Run("explained", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for i, d := range definitions {
				_ = waterfall.Resolve(d, waterfall.Steps(nodes, directives[i]))
			}
		}
	})
}

func deepPath() []waterfall.Node {
	nodes := []waterfall.Node{{Level: waterfall.LevelPlatform, ID: orgtree.ID{1}}}
	for n := byte(2); n <= 6; n++ {
		nodes = append(nodes, waterfall.Node{Level: waterfall.LevelPartner, ID: orgtree.ID{n}})
	}
	return append(nodes, waterfall.Node{Level: waterfall.LevelOrganization, ID: orgtree.ID{7}})
}

// someDirectives pins the default at every third node, another third for each
// setting, and locks none.
func someDirectives(b *testing.B, d *waterfall.Definition, nodes []waterfall.Node, shift int) []waterfall.Directive {
	b.Helper()
	op, err := d.ParseOperation(waterfall.OperationReplace, d.Default.Reveal())
	if err != nil {
		b.Fatal(err)
	}
	var said []waterfall.Directive
	for i, node := range nodes {
		if (i+shift)%3 == 0 {
			said = append(said, waterfall.Directive{Node: node, Author: node.ID, Operation: &op})
		}
	}
	return said
}
