// Package beyondtrust talks to BeyondTrust Privileged Remote Access appliances.
package beyondtrust
