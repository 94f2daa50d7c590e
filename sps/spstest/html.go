package spstest

import "net/http"

func (n *Node) servePage(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }
