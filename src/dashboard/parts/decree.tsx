import { me } from '../api/me.js';

/** Why, in the person's words; it goes into the history. */
export function ReasonField({ value, onInput }: { readonly value: string; readonly onInput: (text: string) => void }) {
  return (
    <label class="field">
      <span>Reason, kept in the history</span>
      <input
        name="reason"
        required
        maxLength={2_000}
        autocomplete="off"
        value={value}
        onInput={({ currentTarget }) => onInput(currentTarget.value)}
      />
    </label>
  );
}

/** Who, where the server does not know. */
export function ByField({ value, onInput }: { readonly value: string; readonly onInput: (text: string) => void }) {
  if (me.value && me.value.auth !== 'off') return null;
  return (
    <label class="field">
      <span>Your name</span>
      <input
        name="by"
        maxLength={100}
        autocomplete="username"
        placeholder="dashboard"
        value={value}
        onInput={({ currentTarget }) => onInput(currentTarget.value)}
      />
    </label>
  );
}
