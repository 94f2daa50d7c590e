"use strict";
{
	// What a button does is asked first.
	document.addEventListener("click", e => {
		const asks = e.target.closest("[data-ask]");
		if (asks && !confirm(asks.dataset.ask)) e.preventDefault();
	});
	// Return in a field presses the button of its own part where there is but one, never the first of the page.
	document.addEventListener("keydown", e => {
		if (e.key !== "Enter" || !e.target.matches("input:not([type=file])") || e.isComposing) return;
		e.preventDefault();
		const own = e.target.closest(".part").querySelectorAll(".buttons button");
		if (own.length === 1) own[0].click();
	});
	// A browser would send an empty file where none was chosen.
	document.addEventListener("formdata", e => {
		for (const f of e.target.querySelectorAll("input[type=file]")) if (!f.files.length) e.formData.delete(f.name);
	});
	document.querySelector(".refused")?.focus();
	const content = document.getElementById("content");
	if (content?.dataset.late) setTimeout(() => { content.hidden = false; }, Number(content.dataset.late));
	if (content?.dataset.alert) setTimeout(alert, 0, content.dataset.alert);
}
