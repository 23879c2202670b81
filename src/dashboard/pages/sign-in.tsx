import { useState } from 'preact/hooks';
import { signIn, token } from '../api/session.js';

/** Shown while the API answers 401. The token is kept for this tab alone. */
export function SignIn() {
  const [typed, setTyped] = useState('');
  const wasRefused = token.value !== '';
  return (
    <div class="sign-in">
      <form
        class="panel"
        onSubmit={(event) => {
          event.preventDefault();
          if (typed.trim() !== '') signIn(typed.trim());
        }}
      >
        <h1>Sign in</h1>
        <p class="muted">This server asks for a token. It is kept in this tab until the tab is closed.</p>
        <label class="field">
          <span>Token</span>
          <input
            type="password"
            name="token"
            autocomplete="current-password"
            spellcheck={false}
            required
            value={typed}
            aria-describedby={wasRefused ? 'refused' : undefined}
            onInput={({ currentTarget }) => setTyped(currentTarget.value)}
          />
        </label>
        {wasRefused ? (
          <p id="refused" class="fault" role="alert">
            The server does not take this token: it is wrong, has expired or was withdrawn.
          </p>
        ) : null}
        <button type="submit" class="button primary">
          Sign in
        </button>
      </form>
    </div>
  );
}
