// Package opt rewrites programs into faster ones that compute the same numbers. One pass, one file.
package opt
