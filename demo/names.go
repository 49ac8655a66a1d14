package demo

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

func firstNames() []string {
	return strings.Fields(`
		Aisha Alba Amara Anders Andrea Anika Antoine Arjun Astrid Ayumi Beatriz Benedikt Bilal Bruno Camille Carlos Cecilia
		Chidi Clara Daniel Daria David Dilara Eero Elena Elif Emil Esther Farid Fatima Felix Fiona Freya Gabriel Giulia Grace
		Hana Hassan Helena Hugo Ibrahim Ines Ingrid Isabel Ivan Jana Javier Jonas Joanna Kaito Karin Katya Kenji Kofi Lars Laura
		Leila Lena Liam Linnea Lucia Lukas Maja Malik Marco Maria Mateo Maya Mei Mikael Mina Nadia Naomi Nikolai Noor Nora Olga
		Omar Oskar Paula Petra Priya Rafael Rania Renata Rosa Ruben Samira Sara Selma Simon Sofia Stefan Tariq Tess Thomas Tomas
		Uma Valeria Vera Viktor Wanda Xavier Yara Yusuf Zara Zoe`)
}

func lastNames() []string {
	return strings.Fields(`
		Abara Adeyemi Ahlberg Almeida Andersen Aoki Arnaud Bakker Barros Baumann Bellini Berg Bianchi Blanc Bosch Brandt Castillo
		Chen Costa Dahl Danso Delgado Demir Diallo Dubois Eklund Engel Eriksen Farkas Ferrari Fischer Fontaine Forsberg Fujita
		Garcia Gomes Greco Haas Hakimi Hansen Hartmann Herrera Hoffmann Holm Horvat Ibrahimi Ito Jansen Jensen Johansson Kapoor
		Kaya Keller Khan Kim Koch Kovacs Kowalski Kumar Lambert Larsen Laurent Lehmann Leone Lima Lindgren Lopez Maier Marino
		Martin Mensah Meyer Molina Moreau Mori Nagy Nakamura Navarro Nguyen Nielsen Novak Nowak Okafor Oliveira Olsen Osei Park
		Patel Pereira Petrov Popescu Ramos Reyes Ricci Rossi Roux Saito Salazar Sato Schmid Schneider Sharma Silva Singh Sorensen
		Steiner Suzuki Takeda Torres Varga Vidal Vogel Wagner Weber Winter Wolff Yamada Yilmaz Zanetti Zimmer`)
}

func companyNames() []string {
	return strings.Fields(`
		Amberline Asterion Bluefin Brightwater Calder Cinderpath Clearbrook Copperleaf Dovetail Driftwood Eastgate Elmstone
		Everfield Fairhaven Falconry Fernhill Foxglove Glasswing Goldcrest Greyrock Hawthorn Heronsgate Ironwood Juniper Kestrel
		Larkspur Lindenhof Lodestar Longmeadow Maplecroft Marlowe Millrace Moonstone Oakhurst Orchard Pinecrest Quarry Redwing
		Riverbend Saltmarsh Sandpiper Silverbirch Starling Stonebridge Sunfield Swiftwater Thistle Tidewater Whitecliff Willowmere`)
}

func trades() []string {
	return []string{
		"Robotics", "Biolabs", "Media", "Insurance", "Logistics", "Energy", "Genomics", "Retail", "Aerospace", "Analytics",
		"Games", "Materials", "Health", "Motors", "Foods", "Research", "Studios", "Instruments",
	}
}

func teamNames() []string {
	return []string{
		"Research", "Data Platform", "Simulation", "Machine Learning", "Web", "Quality", "Mobile", "Field Engineering", "Imaging", "Archive",
	}
}

func projectNames() []string {
	return []string{"atlas", "beacon", "compass", "horizon", "lighthouse", "meridian"}
}

func passwordWords() []string {
	return strings.Fields(`
		acorn amber anchor aspen atlas badger bamboo basil beacon birch bramble breeze cactus canyon cedar cherry clover cobalt
		comet copper coral cricket cypress dahlia delta ember falcon fern flint garnet ginger glacier granite harbor hazel heron
		indigo ivory jasmine jasper juniper lagoon lantern lemon lilac linden lotus magnet maple marble meadow mango nectar
		nutmeg olive onyx opal orchid otter pebble pepper pine plum prairie quartz raven reef river robin saffron sage salmon
		sierra silver spruce sparrow summit tango thistle timber topaz tulip turquoise velvet violet walnut willow zephyr`)
}

// names hands out names, none of them twice.
type names struct {
	random *rand.Rand
	used   map[string]bool
	// companies are those that are left.
	companies []string
}

func newNames(random *rand.Rand) *names {
	return &names{random: random, used: map[string]bool{}, companies: shuffled(random, companyNames())}
}

// attempts is how often a free name is looked for before it gets a number.
const attempts = 20

// unused returns the first name that make gives and nobody has, with a number
// if there are none left.
func (n *names) unused(make func() string) string {
	name := make()
	for i := 0; n.used[name] && i < attempts; i++ {
		name = make()
	}
	base := name
	for i := 2; n.used[name]; i++ {
		name = fmt.Sprintf("%s %d", base, i)
	}
	n.used[name] = true
	return name
}

func (n *names) person() string {
	return n.unused(func() string { return pick(n.random, firstNames()) + " " + pick(n.random, lastNames()) })
}

// company returns a name whose first word differs as long as there are words.
func (n *names) company() string {
	return n.unused(func() string {
		if len(n.companies) == 0 {
			n.companies = companyNames()
		}
		word := n.companies[0]
		n.companies = n.companies[1:]
		return word + " " + pick(n.random, trades())
	})
}

// newPassword returns a password that people can read to each other.
func newPassword(r *rand.Rand) string {
	words := shuffled(r, passwordWords())
	return fmt.Sprintf("%s-%s-%s-%d", words[0], words[1], words[2], between(r, 10, 99))
}

// slug returns a name in small letters with hyphens.
func slug(name string) string { return strings.ReplaceAll(strings.ToLower(name), " ", "-") }
