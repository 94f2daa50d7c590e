package pratest

import (
	"bytes"
	"strings"
)

// vaultKey is the backup of the Vault encryption key, which the backup of the settings leaves out (Management, PRA).
func (b *Box) vaultKey(password string) (*download, error) {
	switch {
	case password == "":
		return nil, refuse("Enter a password.")
	case !b.st.data.vaultKey:
		return nil, refuse("There is no Vault encryption key on this appliance.")
	}
	body := vaultMagic + hashed(password) + "\n"
	b.site.note(b, BackupTaken, "Vault key")
	return &download{name: b.Name + "-vault.key", body: strings.NewReader(body), size: int64(len(body))}, nil
}

// restoreVaultKey makes the Vault accounts of a restored backup usable.
func (b *Box) restoreVaultKey(up upload, password string) *refusal {
	b.site.judge(b, light, "restore the Vault key")
	sum, ok := bytes.CutPrefix(up.head, []byte(vaultMagic))
	switch {
	case !ok:
		return refuse("The file is not a Vault encryption key.")
	case string(bytes.TrimSpace(sum)) != hashed(password):
		return refuse("The password is wrong.")
	}
	b.st.data.vaultKey = true
	b.site.note(b, Restore, "Vault key")
	return nil
}
