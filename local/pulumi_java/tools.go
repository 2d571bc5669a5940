//go:build tools

// Package tools names the command that this module pins: Pulumi's language host for Java.
package tools

import _ "github.com/pulumi/pulumi-java/pkg/cmd/pulumi-language-java"
