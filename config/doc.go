// Package config is every setting of the process: its flag, its environment
// variable, its default and its bounds.
//
// A flag wins over the environment, the environment over the file, the file over
// the default. A command embeds the parts it reads, so that its help shows no
// others, and kong calls their Validate: a wrong value stops the start with one
// line that names the variable and tells no secret.
//
// The package owns what a value may be. It opens nothing and listens nowhere; a
// file that is missing or an occupied port is found by who uses it.
package config
