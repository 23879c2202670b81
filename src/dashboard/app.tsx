import { useEffect } from 'preact/hooks';
import { api } from './api/api.js';
import { useLive } from './api/live.js';
import { me } from './api/me.js';
import { isSignInNeeded, token } from './api/session.js';
import { Header } from './parts/header.js';
import { Empty } from './parts/states.js';
import { DeadLetterPage } from './pages/dead-letter.js';
import { DeadLettersPage } from './pages/dead-letters.js';
import { DefinitionPage } from './pages/definition.js';
import { DefinitionsPage } from './pages/definitions.js';
import { OverviewPage } from './pages/overview.js';
import { ParticipantsPage } from './pages/participants.js';
import { SagaPage } from './pages/saga.js';
import { SagasPage } from './pages/sagas.js';
import { SignIn } from './pages/sign-in.js';
import { followLinks, place } from './route.js';

/** The whole dashboard: the header, and the page that the address names. */
export function App() {
  useEffect(() => followLinks(), []);
  const who = useLive(`me ${token.value}`, api.me);
  useEffect(() => {
    me.value = who.data ?? undefined;
  }, [who.data]);
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Header />
      <main id="main" tabIndex={-1}>
        {isSignInNeeded.value ? <SignIn /> : <Page />}
      </main>
    </>
  );
}

const TITLES: Readonly<Record<string, string>> = {
  '': 'Overview',
  sagas: 'Sagas',
  definitions: 'Definitions',
  'dead-letters': 'Dead letters',
  participants: 'Participants',
};

function Page() {
  const [, section = '', encoded] = place.value.path.split('/');
  const name = encoded === undefined || encoded === '' ? undefined : decoded(encoded);
  useEffect(() => {
    document.title = `${name ?? TITLES[section] ?? 'Nothing here'} · Backstep`;
  }, [section, name]);
  switch (section) {
    case '':
      return <OverviewPage />;
    case 'sagas':
      return name === undefined ? <SagasPage /> : <SagaPage key={name} id={name} />;
    case 'definitions':
      return name === undefined ? <DefinitionsPage /> : <DefinitionPage key={name} name={name} />;
    case 'dead-letters':
      return name === undefined ? <DeadLettersPage /> : <DeadLetterPage key={name} id={name} />;
    case 'participants':
      return <ParticipantsPage />;
    default:
      return <Empty icon="question" title="There is nothing at this address" />;
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
