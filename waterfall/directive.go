package waterfall

import "github.com/headwater-platform/headwater/orgtree"

// Directive is what one author says about one setting at one node. Each of its
// three parts may be absent; a directive without any says nothing.
type Directive struct {
	Node Node
	// Author is the node's own organization or one above it.
	Author orgtree.ID
	// Side follows from Node and Author; the fold does not read it.
	Side Side
	// Operation, Guard and Locked are the value, guard and lock part.
	Operation *Operation
	Guard     *Guard
	Locked    bool
	// Version is the row's version, carried for the caller.
	Version int64
}

// IsEmpty reports whether the directive says nothing.
func (d Directive) IsEmpty() bool { return d.Operation == nil && d.Guard == nil && !d.Locked }

// Step is one visit of the fold: an author at a node, with or without a
// directive there.
type Step struct {
	Node   Node
	Side   Side
	Author orgtree.ID
	// Directive is nil where the author inherits.
	Directive *Directive
}

// Origin returns who speaks at the step.
func (s Step) Origin() Origin { return Origin{Node: s.Node, Side: s.Side, Author: s.Author} }

// Steps returns the visits along a path, in the order of the fold. The path
// leads from the root through organizations to groups, in their order, and at
// last a membership. At each node the managers' directives come first, those of
// the organizations nearest the root before the others, then the node's own
// step, which is there even without a directive. A directive by anybody else –
// an organization that is no longer above the node – is inert and left out.
// The directives are those of one setting, in any order; steps point to them.
func Steps(path []Node, directives []Directive) []Step {
	steps := make([]Step, 0, len(path)+len(directives))
	for i, node := range path {
		for _, manager := range managers(path, i) {
			if d := spoken(directives, node.ID, manager); d != nil {
				steps = append(steps, Step{Node: node, Side: SideManager, Author: manager, Directive: d})
			}
		}
		author := home(path, i)
		steps = append(steps, Step{Node: node, Side: SideOwn, Author: author, Directive: spoken(directives, node.ID, author)})
	}
	return steps
}

// Before returns the steps that the fold visits before the written directive,
// whether or not it exists yet. It returns false if the directive's author is
// neither the node's organization nor above it.
func Before(path []Node, directives []Directive, written Directive) ([]Step, bool) {
	others := make([]Directive, 0, len(directives)+1)
	for _, d := range directives {
		if d.Node.ID != written.Node.ID || d.Author != written.Author {
			others = append(others, d)
		}
	}
	steps := Steps(path, append(others, written))
	for i, s := range steps {
		if s.Node.ID == written.Node.ID && s.Author == written.Author {
			return steps[:i], true
		}
	}
	return nil, false
}

// home returns the organization that owns the i-th node of the path: itself, or
// for groups and memberships the last organization before them.
func home(path []Node, i int) orgtree.ID {
	for ; i >= 0; i-- {
		if path[i].Level.isOrganization() {
			return path[i].ID
		}
	}
	return orgtree.ID{}
}

// managers returns the organizations above the i-th node's own, root first.
func managers(path []Node, i int) []orgtree.ID {
	own := home(path, i)
	var above []orgtree.ID
	for _, node := range path[:i] {
		if node.Level.isOrganization() && node.ID != own {
			above = append(above, node.ID)
		}
	}
	return above
}

func spoken(directives []Directive, node, author orgtree.ID) *Directive {
	for i := range directives {
		if directives[i].Node.ID == node && directives[i].Author == author {
			return &directives[i]
		}
	}
	return nil
}
