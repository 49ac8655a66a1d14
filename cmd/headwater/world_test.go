package main

import "github.com/headwater-platform/headwater/service/organizations"

// firstAdministrator is ada, who owns the platform of the tests.
func firstAdministrator() organizations.FirstAdministrator {
	return organizations.FirstAdministrator{Username: "ada", Email: "ada@platform.example"}
}
