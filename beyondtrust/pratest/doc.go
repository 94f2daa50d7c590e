// Package pratest simulates BeyondTrust Privileged Remote Access: a pair of appliances, a single one, or an old one and its successor.
package pratest
