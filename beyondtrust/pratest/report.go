package pratest

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// past is a session that has ended.
type past struct {
	session
	user string
	end  time.Time
}

// report is GET or POST /api/reporting. Of the reports only AccessSession is an upgrade's business: with start_time it has the sessions that are still in
// progress too (Reporting API, AccessSession).
func report(k *call) answer {
	b := k.box
	ns := strings.TrimSuffix(b.site.Switches.Namespace, "command") + "reporting"
	doc := func(root element) answer { return document(http.StatusOK, root.with("xmlns", ns)) }
	if k.value("generate_report") != "AccessSession" {
		return doc(el("error", "Invalid report"))
	}
	from, err := strconv.ParseInt(k.value("start_time"), 10, 64)
	long, err2 := strconv.ParseInt(k.value("duration"), 10, 64)
	if err != nil || err2 != nil {
		return doc(el("error", "start_time and duration are required"))
	}
	begin, end := time.Unix(from, 0), b.clock()
	if long > 0 {
		end = begin.Add(time.Duration(long) * time.Second)
	}
	stamp := func(name string, t time.Time) element {
		at := b.appTime(t)
		return el(name, at.UTC().Format("2006-01-02T15:04:05-07:00")).with("timestamp", strconv.FormatInt(at.Unix(), 10))
	}
	root := el("session_list", "")
	add := func(s session, user string, ended time.Time) {
		if at := b.appTime(s.since); at.Before(begin) || at.After(end) {
			return
		}
		e := el("session", "", el("session_type", "support"), stamp("start_time", s.since)).with("lsid", s.lsid)
		if !ended.IsZero() {
			e.children = append(e.children, stamp("end_time", ended))
		}
		e.children = append(e.children, el("primary_customer", "server"), el("primary_rep", user))
		root.children = append(root.children, e)
	}
	for _, p := range b.st.past {
		add(p.session, p.user, p.end)
	}
	for _, u := range b.st.users {
		for _, s := range u.open {
			add(s, u.name, time.Time{})
		}
	}
	return doc(root)
}
