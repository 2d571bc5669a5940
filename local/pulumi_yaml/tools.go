//go:build tools

// Package tools names the command that this module pins: Pulumi's language host for YAML.
package tools

import _ "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml"
