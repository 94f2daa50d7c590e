package pratest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/changeover-sdk/changeover/beyondtrust"
)

// A backup of this simulator is one line of magic, one line of JSON, and a filling up to the size that the Box says. The vendor's format is not public.
const backupMagic = "\x00NSB\x01 simulated backup\n"

// backupFile is what a backup holds.
type backupFile struct {
	Name, GUID     string
	Version, Build string
	Password       string `json:",omitempty"` // SHA-256 of it, in hexadecimal digits
	At             time.Time
	History        bool

	Concurrent, Bandwidth, Rate   int
	AutomaticUpgrades             beyondtrust.AutomaticUpgrades
	AdminPassword                 string
	VaultAccounts                 int
	Key                           string
	Role                          beyondtrust.Role
	Peer                          string // GUID
	Automatic, Ticked, Operations bool
}

// takeBackup is what a backup of b holds now.
func (b *Box) takeBackup(password string, history bool) backupFile {
	st := b.st
	f := backupFile{
		Name: b.Name, GUID: b.GUID, Version: st.version, Build: st.build, At: b.clock(), History: history,
		Concurrent: st.data.concurrent, Bandwidth: st.data.bandwidth, Rate: st.data.rate, AutomaticUpgrades: st.data.automatic,
		AdminPassword: st.data.password, VaultAccounts: st.data.vaultAccounts,
		Key: st.key, Role: st.role, Automatic: st.automatic, Ticked: st.ticked, Operations: st.operations,
	}
	if st.peer != nil {
		f.Peer = st.peer.GUID
	}
	if password != "" {
		f.Password = hashed(password)
	}
	b.site.note(b, BackupTaken, "")
	return f
}

func hashed(password string) string {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

// data is the /login settings of f. The Vault encryption key is not among them: it has a backup of its own.
func (f backupFile) data() data {
	return data{
		changed: f.At, concurrent: f.Concurrent, bandwidth: f.Bandwidth, rate: f.Rate, automatic: f.AutomaticUpgrades,
		password: f.AdminPassword, vaultAccounts: f.VaultAccounts,
	}
}

// file is the backup as it is sent, and its length. It is made as it is read.
func (f backupFile) file(size int64) (io.Reader, int64) {
	head := append([]byte(backupMagic), must(json.Marshal(f))...)
	head = append(head, '\n')
	rest := max(size-int64(len(head)), 0)
	return io.MultiReader(bytes.NewReader(head), io.LimitReader(filling{}, rest)), int64(len(head)) + rest
}

// readBackup reads a backup to its end in constant memory.
func readBackup(r io.Reader, password string) (backupFile, error) {
	var f backupFile
	const most = 64 << 10
	head, err := io.ReadAll(io.LimitReader(r, most))
	if err != nil {
		return f, err
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		return f, err
	}
	text, ok := bytes.CutPrefix(head, []byte(backupMagic))
	line, _, whole := bytes.Cut(text, []byte("\n"))
	if !ok || !whole || json.Unmarshal(line, &f) != nil {
		return f, errors.New("the file is not a backup")
	}
	if f.Password != "" && f.Password != hashed(password) {
		return f, errors.New("the password is wrong")
	}
	return f, nil
}

// backupName is the file's name.
func (b *Box) backupName() string {
	return b.Name + "-" + b.clock().UTC().Format("20060102-150405") + ".nsb"
}

// apiBackup is GET or POST /api/backup; the body of a POST may hold a password.
func apiBackup(k *call) answer {
	b, sw := k.box, k.box.site.Switches
	if sw.BackupError {
		return answer{status: http.StatusOK, kind: kindPlain, body: []byte("Invalid credentials")}
	}
	var body struct{ Password string }
	if len(k.body) > 0 && strings.HasPrefix(k.header.Get("Content-Type"), kindJSON) && json.Unmarshal(k.body, &body) != nil {
		return reply(http.StatusBadRequest, map[string]any{"message": "Malformed body"})
	}
	f := b.takeBackup(body.Password, true)
	a := answer{status: http.StatusOK, kind: "application/octet-stream", wait: b.site.Times.Backup, header: http.Header{}}
	a.stream, a.size = f.file(b.BackupSize)
	if !sw.NoDisposition {
		a.header.Set("Content-Disposition", "attachment; filename=\""+b.backupName()+"\"")
	}
	return a
}
