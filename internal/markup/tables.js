// A menu entry shows what is under it, or hides it again.
function unfold(id) {
	const list = document.getElementById(id);
	list.style.display = list.style.display ? '' : 'none';
	return false;
}

// A link sends the form, as the button that it looks like.
function go(link) {
	const question = link.dataset.ask;
	if (question && !confirm(question)) return false;
	const pressed = document.getElementById('pressed');
	pressed.name = link.dataset.name;
	pressed.value = link.dataset.value;
	document.getElementById('form').submit();
	return false;
}

// Enter in a field presses the first button that sends the form, as browsers do.
document.addEventListener('keydown', e => {
	if (e.key !== 'Enter' || e.target.tagName !== 'INPUT') return;
	e.preventDefault();
	const first = document.querySelector('.bare a.button[data-name]');
	if (first) go(first);
});
