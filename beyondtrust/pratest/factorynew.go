package pratest

import (
	"crypto/x509"
	"errors"
)

// Certificate returns the certificate that is served at b's own address; nil when there is none. A factory-new appliance has one that it signed itself, for
// its own name ([Box.Host]): a person compares its fingerprint with the console's before anything trusts it.
func (b *Box) Certificate() *x509.Certificate {
	defer b.enter()()
	config := b.tlsConfig(b.Addr)
	if len(config.Certificates) == 0 {
		return nil
	}
	return config.Certificates[0].Leaf
}

// FirstSignIn is what a person does at the /login of a factory-new appliance once it has a site: he signs in with the documented first password and gives
// another one.
func (b *Box) FirstSignIn(password string) error {
	defer b.enter()()
	switch {
	case b.st.front != open || b.st.factory:
		return errors.New("pratest: first sign-in to " + b.Name + ": it has no site, or is away")
	case b.st.data.password != factoryPassword:
		return errors.New("pratest: first sign-in to " + b.Name + ": the password is not the first one any more")
	case password == "" || password == factoryPassword:
		return errors.New("pratest: first sign-in to " + b.Name + ": want another password than the first one")
	}
	b.st.data.password = password
	b.changed("administrator's password")
	return nil
}
