package catalogue

//go:generate go run ../../internal/settingsdoc ../../docs/settings.md
