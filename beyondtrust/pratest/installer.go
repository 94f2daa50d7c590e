package pratest

import (
	"net/http"
	"slices"
	"strconv"
)

// installer is a Jump Client installer that somebody made; an upgrade makes it invalid.
type installer struct {
	id   int
	name string
	dead bool
}

func listInstallers(k *call) answer {
	list := k.box.st.installers
	return k.list(len(list), func(i int) map[string]any { return list[i].row() }, "name")
}

func (in installer) row() map[string]any {
	return map[string]any{"id": in.id, "name": in.name, "jump_group_id": 3, "jump_group_type": "shared"}
}

func createInstaller(k *call) answer {
	var body struct {
		Name  string `json:"name"`
		Group int    `json:"jump_group_id"`
		Type  string `json:"jump_group_type"`
	}
	if a, bad := k.readBody(&body); bad {
		return a
	}
	st := k.box.st
	st.next++
	in := installer{id: 9000 + st.next, name: body.Name}
	st.installers = append(st.installers, in)
	a := reply(http.StatusCreated, in.row())
	a.header = http.Header{"Location": {k.path + "/" + strconv.Itoa(in.id)}}
	return a
}

func (k *call) installer() int {
	return slices.IndexFunc(k.box.st.installers, func(in installer) bool { return strconv.Itoa(in.id) == k.id })
}

func getInstaller(k *call) answer {
	i := k.installer()
	if i < 0 {
		return notFound()
	}
	return reply(http.StatusOK, k.box.st.installers[i].row())
}

func deleteInstaller(k *call) answer {
	i := k.installer()
	if i < 0 {
		return notFound()
	}
	k.box.st.installers = slices.Delete(k.box.st.installers, i, i+1)
	return answer{status: http.StatusNoContent}
}

// downloadInstaller serves an installer's file; what an invalid one answers is not documented.
func downloadInstaller(k *call) answer {
	i := k.installer()
	if i < 0 || k.box.st.installers[i].dead || !slices.Contains(installerPlatforms, k.id2) {
		return notFound()
	}
	return answer{status: http.StatusOK, kind: "application/octet-stream", body: []byte("a simulated installer for " + k.id2)}
}

var installerPlatforms = []string{"linux-64", "raspberry-pi-32-headless", "mac-dmg", "mac-zip", "windows-64-msi", "windows-32-msi"}
