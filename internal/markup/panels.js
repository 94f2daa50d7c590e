(function () {
  'use strict';
  var each = function (selector, what) { Array.prototype.forEach.call(document.querySelectorAll(selector), what); };

  // Drop-down menus of the navigation bar: one is open at a time.
  function close(except) {
    each('.dropdown.open', function (li) {
      if (li === except) { return; }
      li.classList.remove('open');
      li.querySelector('.dropdown-toggle').setAttribute('aria-expanded', 'false');
    });
  }
  each('[data-toggle=dropdown]', function (toggle) {
    var li = toggle.parentNode;
    toggle.addEventListener('click', function (event) {
      event.stopPropagation();
      close(li);
      toggle.setAttribute('aria-expanded', String(li.classList.toggle('open')));
    });
    li.addEventListener('keydown', function (event) {
      var links = Array.prototype.slice.call(li.querySelectorAll('.dropdown-menu a'));
      var at = links.indexOf(document.activeElement);
      if (event.key === 'Escape') {
        close();
        toggle.focus();
      } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
        event.preventDefault();
        if (!li.classList.contains('open')) { toggle.click(); }
        at += event.key === 'ArrowDown' ? 1 : -1;
        if (links[at]) { links[at].focus(); }
      }
    });
  });
  document.addEventListener('click', function () { close(); });
  window.addEventListener('blur', function () { close(); });
  each('[data-toggle=collapse]', function (toggle) {
    var bar = document.getElementById(toggle.getAttribute('aria-controls'));
    toggle.addEventListener('click', function () { toggle.setAttribute('aria-expanded', String(bar.classList.toggle('in'))); });
  });

  // Questions come first.
  each('[data-confirm]', function (button) {
    button.addEventListener('click', function (event) {
      if (!window.confirm(button.getAttribute('data-confirm'))) { event.preventDefault(); }
    });
  });

  // The name of a chosen file is shown beside the button that chooses it.
  function name(input) {
    document.querySelector('[data-shows="' + input.id + '"]').value = input.files.length ? input.files[0].name : '';
  }
  each('.btn-file input', function (input) {
    input.addEventListener('change', function () { name(input); });
    name(input);
  });

  var form = document.getElementById('page-form');
  if (form) {
    // The form is one, but Enter in a field means the button of its panel, where that has just one, and not the first of the page.
    form.addEventListener('keydown', function (event) {
      if (event.key !== 'Enter' || event.target.tagName !== 'INPUT' || event.target.type === 'file') { return; }
      event.preventDefault();
      var buttons = event.target.closest('.panel').querySelectorAll('button[type=submit]');
      if (buttons.length === 1 && /^(text|password)$/.test(event.target.type)) { buttons[0].click(); }
    });
    // A file that was not chosen is not sent, not even as an empty one.
    form.addEventListener('submit', function () {
      var empty = [];
      each('#page-form input[type=file]', function (input) {
        if (!input.files.length && !input.disabled) {
          input.disabled = true;
          empty.push(input);
        }
      });
      setTimeout(function () { empty.forEach(function (input) { input.disabled = false; }); }, 0);
    });
  }

  var content = document.getElementById('content');
  if (content && content.hasAttribute('data-delay')) {
    setTimeout(function () {
      content.hidden = false;
      document.querySelector('.progress').hidden = true;
    }, Number(content.getAttribute('data-delay')));
  }
  var notice = document.body.getAttribute('data-notice');
  if (notice) { setTimeout(function () { window.alert(notice); }, 0); }
})();
