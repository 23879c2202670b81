import { signal } from '@preact/signals';
import { me } from '../api/me.js';
import { signOut, token } from '../api/session.js';
import { place } from '../route.js';
import { Icon } from './icon.js';

const PAGES = [
  ['/', 'Overview'],
  ['/sagas', 'Sagas'],
  ['/definitions', 'Definitions'],
  ['/dead-letters', 'Dead letters'],
  ['/participants', 'Participants'],
] as const;

/** Where one is and can go, who one is, and how it looks. */
export function Header() {
  const section = `/${place.value.path.split('/')[1] ?? ''}`;
  const who = me.value;
  return (
    <header class="top">
      <div class="top-inner">
        <a class="brand" href="/" aria-label="Backstep, to the overview">
          <svg class="brand-mark" width="20" height="20" viewBox="0 0 32 32" aria-hidden="true">
            <rect width="32" height="32" rx="8" />
            <path d="M21 7h-7a7 7 0 0 0 0 14h9M14 16l-5 5 5 5" />
          </svg>
          <span class="brand-name">Backstep</span>
        </a>
        <nav aria-label="Pages">
          {PAGES.map(([href, title]) => (
            <a key={href} href={href} aria-current={href === section ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <div class="top-end">
          {who && who.auth !== 'off' ? (
            <span class="who" title={`${who.name}: ${who.role}`}>
              {who.name} <span class="muted">{who.role}</span>
            </span>
          ) : null}
          <ThemeButton />
          {token.value === '' ? null : (
            <button type="button" class="button quiet" onClick={signOut}>
              Sign out
            </button>
          )}
        </div>
      </div>
    </header>
  );
}

const THEME = 'backstep.theme';
type Theme = 'light' | 'dark';
const system = matchMedia('(prefers-color-scheme: dark)');
const chosen = signal<Theme | undefined>(readTheme());
const isSystemDark = signal(system.matches);
system.addEventListener('change', ({ matches }) => (isSystemDark.value = matches));
applyTheme();

function readTheme(): Theme | undefined {
  const kept = localStorage.getItem(THEME);
  return kept === 'light' || kept === 'dark' ? kept : undefined;
}

function applyTheme(): void {
  if (chosen.value) document.documentElement.dataset['theme'] = chosen.value;
  else delete document.documentElement.dataset['theme'];
}

/** The other of the two; what the system has is not kept, so that it follows the system again. */
function ThemeButton() {
  const isDark = (chosen.value ?? (isSystemDark.value ? 'dark' : 'light')) === 'dark';
  const other: Theme = isDark ? 'light' : 'dark';
  const change = () => {
    const isSystems = (other === 'dark') === isSystemDark.value;
    if (isSystems) localStorage.removeItem(THEME);
    else localStorage.setItem(THEME, other);
    chosen.value = isSystems ? undefined : other;
    applyTheme();
  };
  return (
    <button
      type="button"
      class="button quiet icon-button"
      aria-label={`Use the ${other} theme`}
      title={`Use the ${other} theme`}
      onClick={change}
    >
      <Icon name={isDark ? 'sun' : 'moon'} size={15} />
    </button>
  );
}
