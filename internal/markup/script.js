'use strict';
// The page comes as data and is drawn here. Texts are set as text, never as markup.
const app = document.getElementById('app');
const framed = window !== window.top;
let main; // where the content goes

// make returns an element. Children are elements or texts; what is null is left out.
function make(tag, attributes, ...children) {
	const e = document.createElement(tag);
	for (const [k, v] of Object.entries(attributes || {})) {
		if (typeof v === 'function') e.addEventListener(k, v);
		else if (v === true) e.setAttribute(k, '');
		else if (v !== false && v !== null && v !== undefined) e.setAttribute(k, v);
	}
	e.append(...children.flat(9).filter(c => c !== null && c !== undefined && c !== ''));
	return e;
}

const list = x => x || [];
const plain = s => s.replace(/[ :]+$/, '');
const shown = s => s || '–';

function note(text, kind) {
	(main || app).replaceChildren(make('div', {class: 'note ' + (kind || '')}, text));
}

// ask sends a request. What comes back is a page to draw, or where to go.
async function ask(address, options) {
	let answer, data;
	try {
		answer = await fetch(address, {...options, headers: {Accept: 'application/json'}, cache: 'no-store', redirect: 'error'});
	} catch (e) {
		return note('The appliance does not answer. Load the page again.', 'bad');
	}
	try {
		data = await answer.json();
	} catch (e) {
		return note('The appliance answers with an error, status ' + answer.status + '. Load the page again.', 'bad');
	}
	if (data.to === undefined) return draw(data);
	if (data.anew || new URL(data.to, location).origin !== location.origin) {
		(framed && data.anew ? window.top : window).location.assign(data.to);
		return;
	}
	history.replaceState(null, '', data.to);
	await ask(data.to);
}

// follow opens a page of the menu, or one that a link leads to, in this document.
function follow(event, address) {
	if (event.ctrlKey || event.metaKey || event.shiftKey) return;
	event.preventDefault();
	note('Loading');
	history.pushState(null, '', address);
	ask(address);
}
window.addEventListener('popstate', () => { note('Loading'); ask(location.href) });

// press sends the form with one button. A file goes through the form itself, so that the browser stores it as it comes.
function press(button, form, page) {
	if (button.ask && !confirm(button.ask)) return;
	const chosen = make('input', {type: 'hidden', name: button.name, value: button.value});
	form.append(chosen);
	if (button.gives) {
		form.submit();
		chosen.remove();
		return;
	}
	const body = new FormData(form);
	for (const f of form.querySelectorAll('input[type=file]')) if (!f.files.length) body.delete(f.name);
	note('Please wait');
	ask(page.action, {method: 'POST', body});
}

function drawButton(b, form, page) {
	let e;
	if (b.href) e = make('a', {class: 'button quiet', href: b.href, click: v => follow(v, b.href)}, b.label);
	else e = make('button', {type: 'button', class: 'button', disabled: b.trap === 'disabled', click: () => press(b, form, page)}, b.label);
	if (b.trap === 'covered') return make('span', {class: 'covered'}, e, make('span', {class: 'cover'}));
	if (b.trap === 'moving') return make('span', {class: 'moving'}, e);
	return e;
}

function drawField(f) {
	switch (f.kind) {
	case 'radio':
		return make('div', {class: 'field', role: 'radiogroup', 'aria-labelledby': f.id}, make('div', {class: 'name', id: f.id}, plain(f.label)),
			list(f.options).map(o => make('label', {class: 'tick'}, make('input', {type: 'radio', name: f.name, value: o, checked: o === f.value}), make('span', null, o))));
	case 'checkbox':
		return make('label', {class: 'field tick'}, make('input', {type: 'checkbox', name: f.name, value: f.value, checked: f.on}), make('span', null, f.label));
	case 'select':
		return make('div', {class: 'field'}, make('label', {class: 'name', for: f.id}, f.label),
			make('select', {id: f.id, name: f.name}, list(f.options).map(o => make('option', {selected: o === f.value}, o))));
	}
	return make('div', {class: 'field'}, make('label', {class: 'name', for: f.id}, f.label),
		make('input', {id: f.id, name: f.name, type: f.kind, value: f.kind === 'file' ? null : f.value, autocomplete: 'off'}));
}

function drawRows(part, form, page) {
	const rows = list(part.rows), names = [];
	for (const r of rows) for (const v of list(r.values)) if (!names.includes(v.label)) names.push(v.label);
	const buttons = r => make('div', {class: 'buttons'}, list(r.buttons).map(b => drawButton(b, form, page)));
	if (part.few) return make('div', {class: 'cards'}, rows.map(r => make('div', {class: 'card'}, make('h3', null, r.name),
		list(r.values).map(v => make('div', {class: 'pair'}, make('div', {class: 'name'}, plain(v.label)), make('div', null, shown(v.text)))), buttons(r))));
	const grid = 'grid-template-columns: repeat(' + (names.length + 2) + ', auto)';
	const cell = (role, ...c) => make('div', {role}, ...c);
	return make('div', {class: 'wide'}, make('div', {role: 'table', style: grid},
		make('div', {role: 'row', class: 'heads'}, cell('columnheader', 'Name'), names.map(n => cell('columnheader', plain(n))), cell('columnheader', 'Actions')),
		rows.map(r => make('div', {role: 'row'}, cell('cell', make('b', null, r.name)),
			names.map(n => cell('cell', shown((list(r.values).find(v => v.label === n) || {}).text))), cell('cell', buttons(r))))));
}

function drawPart(part, form, page) {
	return make('div', {class: 'part'}, part.title ? make('h2', null, part.title) : null,
		list(part.values).length ? make('dl', null, part.values.map(v => [make('dt', null, plain(v.label)), make('dd', null, shown(v.text))])) : null,
		list(part.fields).map(drawField),
		list(part.buttons).length ? make('div', {class: 'buttons'}, part.buttons.map(b => drawButton(b, form, page))) : null,
		list(part.rows).length ? drawRows(part, form, page) : null);
}

function drawMenu(page, target) {
	const groups = [];
	for (const e of list(page.menu)) {
		let g = groups.find(g => g.name === e.path[0] && g.under);
		if (e.path.length > 1 && !g) groups.push(g = {name: e.path[0], under: []});
		if (g) g.under.push(e);
		else groups.push({name: e.path[0], page: e});
	}
	const link = (e, name) => make('a', {href: e.href, target, class: e.href === page.self ? 'here' : '', click: target ? null : v => follow(v, e.href)}, name);
	return make('nav', null, groups.map(g => {
		if (g.page) return link(g.page, g.name);
		const open = !target && g.under.some(e => e.href === page.self);
		const under = make('div', {class: 'under', hidden: !open}, g.under.map(e => link(e, e.path[e.path.length - 1])));
		const toggle = make('button', {type: 'button', 'aria-expanded': String(open), click: () => {
			under.hidden = !under.hidden;
			toggle.setAttribute('aria-expanded', String(!under.hidden));
		}}, g.name);
		return [toggle, under];
	}));
}

function draw(page) {
	const outer = page.frames && !page.bare && !framed, inner = page.frames && framed;
	main = make('main');
	app.className = page.bare ? 'bare' : inner ? 'inner' : '';
	app.replaceChildren(...[
		inner ? null : make('header', null, make('div', {class: 'product'}, page.product), make('div', {class: 'host'}, page.host + ' (simulation)'),
			page.leave ? make('a', {href: page.leave, target: '_top'}, 'Log out') : null),
		page.bare || inner ? null : drawMenu(page, outer ? 'content' : null),
		outer ? make('iframe', {name: 'content', title: 'Content', src: page.self}) : main].filter(e => e));
	if (outer) return;
	const late = page.traps.late / 1e6;
	if (!late) return fill(page);
	note('Loading');
	setTimeout(() => fill(page), late);
}

function fill(page) {
	const form = make('form', {method: 'post', enctype: 'multipart/form-data', action: page.action, submit: v => {
		v.preventDefault();
		const first = list(page.parts).flatMap(p => list(p.buttons)).find(b => !b.href);
		if (first && page.bare) press(first, form, page); // Enter in a field
	}}, list(page.hidden).map(h => make('input', {type: 'hidden', name: h.name, value: h.value})));
	form.append(...list(page.parts).map(p => drawPart(p, form, page)));
	if (page.bare) form.append(make('input', {type: 'submit', hidden: true}));
	main.replaceChildren(make('h1', null, page.title), ...[
		page.refused ? make('p', {class: 'refused', role: 'alert'}, page.refused) : null,
		page.said ? make('p', {class: 'said', role: 'status'}, page.said) : null,
		...list(page.texts).map(t => make('p', null, t)), form].filter(e => e));
	if (page.traps.alert) setTimeout(() => alert(page.traps.alert));
}

note('Loading');
ask(location.href);
