// The playground: GraphiQL from this binary, with a token and example tabs.
// The token lives in this browser tab only and is sent as a bearer header,
// unless the headers editor has an Authorization header of its own.
'use strict';

(function () {
  const TOKEN = 'headwater:token';
  const input = document.getElementById('token');
  const state = document.getElementById('state');
  const root = ReactDOM.createRoot(document.getElementById('graphiql'));
  let examples = [];
  let generation = 0;

  function token() {
    return sessionStorage.getItem(TOKEN) || '';
  }

  function useToken(value) {
    const text = value.trim().replace(/^Bearer\s+/i, '');
    if (text) {
      sessionStorage.setItem(TOKEN, text);
    } else {
      sessionStorage.removeItem(TOKEN);
    }
    render();
  }

  // A link may carry a token behind the #, which browsers never send. It is
  // taken out of the address at once, so that it is not copied or kept with it.
  function takeTokenFromAddress() {
    const given = new URLSearchParams(location.hash.slice(1)).get('token');
    if (given) {
      history.replaceState(null, '', location.pathname + location.search);
      sessionStorage.setItem(TOKEN, given);
    }
  }

  // Right after a change of tabs the editor still names the operation of the tab
  // before, which the document does not have.
  function asked(params) {
    const known = new RegExp('\\b' + params.operationName + '\\b').test(params.query);
    return known ? params : { ...params, operationName: undefined };
  }

  async function send(params, options) {
    const headers = new Headers((options && options.headers) || {});
    headers.set('Content-Type', 'application/json');
    if (token() && !headers.has('Authorization')) {
      headers.set('Authorization', 'Bearer ' + token());
    }
    const response = await fetch('/graphql', { method: 'POST', headers, body: JSON.stringify(asked(params)) });
    const answer = await response.json();
    showState(answer);
    return answer;
  }

  function showState(answer) {
    const codes = ((answer && answer.errors) || []).map((e) => e.extensions && e.extensions.code);
    if (!token()) {
      state.textContent = 'Anonymous: paste a token to see more';
    } else if (codes.includes('UNAUTHENTICATED')) {
      state.textContent = 'The token is not valid or has expired';
    } else {
      state.textContent = 'Signed in';
    }
  }

  // Examples ask for {{today-90}}, a day as a time, or {{month-1}}, a month, so
  // that they show something whenever they are opened.
  function withDates(variables) {
    const now = new Date();
    const at = (months, days) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, days)).toISOString().replace('.000Z', 'Z');
    return variables.replace(/\{\{(today|month)([+-]\d+)?\}\}/g, (_, unit, offset) =>
      unit === 'today' ? at(0, now.getUTCDate() + Number(offset || 0)) : at(Number(offset || 0), 1).slice(0, 7),
    );
  }

  function tabs() {
    return examples.map((e) => ({ query: e.query, variables: withDates(e.variables || ''), headers: '' }));
  }

  // A new key makes GraphiQL start anew, which reads the schema with the token.
  function render() {
    input.value = token();
    showState(null);
    generation += 1;
    root.render(
      React.createElement(GraphiQL, {
        key: generation,
        fetcher: send,
        defaultTabs: tabs(),
        defaultEditorToolsVisibility: 'variables',
        isHeadersEditorEnabled: true,
        shouldPersistHeaders: false,
        showPersistHeadersSettings: false,
        inputValueDeprecation: true,
      }),
    );
  }

  function forgetTabs() {
    Object.keys(localStorage)
      .filter((key) => key.startsWith('graphiql:'))
      .forEach((key) => localStorage.removeItem(key));
  }

  document.getElementById('token-form').addEventListener('submit', (event) => {
    event.preventDefault();
    useToken(input.value);
  });
  document.getElementById('clear').addEventListener('click', () => useToken(''));
  document.getElementById('restore').addEventListener('click', () => {
    forgetTabs();
    render();
  });
  window.addEventListener('hashchange', () => {
    takeTokenFromAddress();
    render();
  });

  takeTokenFromAddress();
  fetch('/playground/examples.json')
    .then((response) => response.json())
    .then((list) => {
      examples = list;
      render();
    });
})();
