package beyondtrust

import (
	"context"
	"io"
	"io/fs"
	"net/netip"
)

// Pages is what only the appliance's web pages can do, a small interface a page. A nil page means that a person does it.
//
// One Pages value belongs to one appliance, reached by its own address: pressing a button at the site's shared name would
// press it on whichever appliance answers there.
//
// Three rules hold for every method of every page:
//
//   - A method that presses something returns nil when the page took it, which is not yet the effect: look for that. It
//     returns an error that wraps [ErrNotPressed] when it is certain that nothing was pressed (an unknown heading, a missing
//     label, two rows where one was expected). Any other error means that it may have been pressed.
//   - A method that reads presses nothing and changes nothing. What the page does not show is the zero value of its field,
//     and a word it does not know is handed out as it stands.
//   - A page is never guessed. Only the visible words of these pages are public, neither their addresses nor the names of
//     their form fields.
//
// Methods are called one at a time for one appliance.
type Pages struct {
	Failover     FailoverPage     // /login > Management > Failover
	Updates      UpdatesPage      // /appliance > Updates
	Network      NetworkPage      // /appliance > Networking > IP Configuration
	JumpClients  JumpClientsPage  // /login > Jump > Jump Clients
	Certificates CertificatesPage // /appliance > Security > Certificates
	Software     SoftwarePage     // /login > Management > Software Management
	Status       StatusPage       // /appliance > Status
	Security     SecurityPage     // /login > Management > Security
}

// FailoverPage is /login > Management > Failover ([MenuFailover]). There is no API for what it does but for a change of roles
// ([Client.SetFailoverRole]).
type FailoverPage interface {
	// Failover reads the page.
	Failover(ctx context.Context) (FailoverStatus, error)

	// SyncNow presses [ButtonSyncNow]. A data-sync takes from seconds to hours; leaving the page does not stop it.
	SyncNow(ctx context.Context) error

	// Break presses [ButtonBreak]. Both appliances stand alone afterwards.
	Break(ctx context.Context) error

	// Establish fills the form of an unconfigured page in and presses [ButtonEstablish]. It is pressed on the appliance that is to
	// be primary: the data of the other is replaced.
	Establish(ctx context.Context, form Establish) error

	// Become presses [ButtonBecomePrimary] or [ButtonBecomeBackup].
	Become(ctx context.Context, role Role, opts BecomeOptions) error
}

// UpdatesPage is /appliance > Updates ([MenuUpdates]).
type UpdatesPage interface {
	// Check presses [ButtonCheckForUpdates], which makes the appliance ask the vendor's update server. Read the answer with Updates.
	Check(ctx context.Context) error

	// Updates reads what the page shows: what is offered, what is blocked and why, how an installation fares.
	Updates(ctx context.Context) (UpdateStatus, error)

	// Install presses [ButtonInstallThisUpdate] in the row called name, a [Package.Name] as Updates gave it. It presses nothing
	// when that row is blocked.
	Install(ctx context.Context, name string) error

	// AcceptEULA accepts the licence agreement that the page asks to be signed, if its text is still text, as
	// [UpdateStatus.EULA] gave it. It is a legal act: call it only when a person who may has said yes to this very text.
	AcceptEULA(ctx context.Context, text string) error

	// DownloadKey follows [LinkDownloadKey] and returns the appliance's key for the vendor's update server. What is fetched with it
	// is served once. The key fails when the appliance's clock is wrong.
	DownloadKey(ctx context.Context) (Secret, error)

	// UpdateSoftware chooses the package called name in fsys under [SectionManualInstallation] and presses [ButtonUpdateSoftware].
	// The package is streamed: its size does not matter to memory.
	UpdateSoftware(ctx context.Context, fsys fs.FS, name string) error

	// Installed reads what is installed: the Base software, the site software and, where the page lists them, patches. A patch need
	// not change a version, so its presence here is the proof of it.
	Installed(ctx context.Context) ([]Package, error)
}

// NetworkPage is /appliance > Networking > IP Configuration ([MenuIPConfiguration]).
type NetworkPage interface {
	// IPs lists the appliance's addresses.
	IPs(ctx context.Context) ([]IP, error)

	// SetEnabled ticks or unticks [BoxEnabled] of the address and presses [ButtonSaveChanges]. It adds no address.
	SetEnabled(ctx context.Context, addr netip.Addr, enabled bool) error
}

// JumpClientsPage is /login > Jump > Jump Clients ([MenuJumpClients]), on premises only.
type JumpClientsPage interface {
	// Settings reads the upgrade settings.
	Settings(ctx context.Context) (JumpClientSettings, error)

	// Set changes the settings that are not zero in s, leaves the others alone, and saves.
	Set(ctx context.Context, s JumpClientSettings) error
}

// CertificatesPage is /appliance > Security > Certificates ([MenuCertificates]).
type CertificatesPage interface {
	// Certificates lists the rows of the page.
	Certificates(ctx context.Context) ([]Certificate, error)

	// Export writes the certificate in cert's row with its private key and its chain to w, the key under passphrase. It removes nothing
	// from the appliance. It presses nothing when more than one row, or none, is like cert.
	Export(ctx context.Context, cert Certificate, passphrase Secret, w io.Writer) error

	// Import installs the file called name in fsys through [ButtonImport] and [ButtonUpload].
	Import(ctx context.Context, fsys fs.FS, name string, passphrase Secret) error

	// AssignIP follows [LinkAssignIP] in cert's row, ticks addr and presses [ButtonSaveConfiguration]. It presses nothing while the row
	// shows a warning. On appliances that choose certificates by themselves there is no such link; then it returns [ErrNotPressed].
	AssignIP(ctx context.Context, cert Certificate, addr netip.Addr) error
}

// SoftwarePage is /login > Management > Software Management ([MenuSoftware]), and the version on /login > Status > Information
// ([MenuInformation]). A backup appliance does not show the former.
type SoftwarePage interface {
	// Version reads the Product Version and Product Build.
	Version(ctx context.Context) (Version, error)

	// DownloadBackup presses [ButtonDownloadBackup] and writes the file to w. Recordings and the Vault key are not in it.
	DownloadBackup(ctx context.Context, w io.Writer, opts BackupPageOptions) error

	// DownloadVaultKey writes the backup of the Vault encryption key, under password, to w. Without it the Vault accounts of a restored
	// backup are of no use.
	DownloadVaultKey(ctx context.Context, w io.Writer, password Secret) error

	// Restore chooses the backup called name in fsys and presses [ButtonUploadBackup]. It overwrites the failover settings and the
	// Inter-appliance Communication Pre-shared Key too.
	Restore(ctx context.Context, fsys fs.FS, name string, password Secret) error
}

// StatusPage is /appliance > Status ([MenuBasics], [MenuHealth]).
type StatusPage interface {
	// Basics reads /appliance > Status > Basics.
	Basics(ctx context.Context) (Basics, error)

	// Health reads /appliance > Status > Health, which only virtual appliances have. Its words are not public: they are handed out as
	// they stand, in the order of the page.
	Health(ctx context.Context) ([]Reading, error)

	// Reset presses [ButtonReset]. There is no way back.
	Reset(ctx context.Context) error

	// ShutDown presses [ButtonShutDown]. There is no restart here, on purpose: the guide forbids it while an update misbehaves.
	ShutDown(ctx context.Context) error
}

// SecurityPage is /login > Management > Security ([MenuSecurity]).
type SecurityPage interface {
	// KeyProof returns HMAC-SHA-256 of the [LabelInterApplianceKey] under nonce, so that two appliances' keys can be compared
	// without either being shown. It fails when no key is set. The nonce is at least 16 random bytes, used once; the proof is
	// not for a journal, because a short key can be guessed from it. See [SameKey].
	KeyProof(ctx context.Context, nonce []byte) ([]byte, error)
}
