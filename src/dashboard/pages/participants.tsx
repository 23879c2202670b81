import { api } from '../api/api.js';
import { useLive } from '../api/live.js';
import type { ParticipantsView } from '../api/views.js';
import { count, counted } from '../model/words.js';
import { Icon } from '../parts/icon.js';
import { Awaited, Empty, Panel, Scroll } from '../parts/states.js';
import { Data } from '../parts/text.js';
import { toDefinition, toSagas } from '../route.js';

const EVERY_MS = 2_000;

/** Who works for the sagas, and whether somebody is there. */
export function ParticipantsPage() {
  const live = useLive('participants', api.participants, { everyMs: EVERY_MS });
  return (
    <>
      <div class="page-head">
        <h1>Participants</h1>
      </div>
      <Panel title="Queues of commands">
        <Awaited live={live}>
          {(data) =>
            data === null ? (
              <Empty icon="question" title="This server does not tell" />
            ) : data.participants.length === 0 ? (
              <Empty icon="dot" title="No definition that is loaded needs a participant" />
            ) : (
              <FullTable participants={data.participants} />
            )
          }
        </Awaited>
      </Panel>
      <Panel title="Daemons">
        <Awaited live={live} rows={1}>
          {(data) => <Daemons view={data} />}
        </Awaited>
      </Panel>
    </>
  );
}

function Daemons({ view }: { readonly view: ParticipantsView | null }) {
  if (view?.daemons === undefined) return <Empty icon="question" title="The broker does not say" />;
  return (
    <p class="note">
      <b>{counted(view.daemons, 'daemon')}</b> {view.daemons === 1 ? 'takes' : 'take'} replies;{' '}
      {counted(view.replies ?? 0, 'reply', 'replies')} wait.
    </p>
  );
}

type Participant = ParticipantsView['participants'][number];

function FullTable({ participants }: { readonly participants: readonly Participant[] }) {
  return (
    <Scroll label="Participants">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Participant</th>
            <th scope="col" class="number">
              Waiting
            </th>
            <th scope="col">Consumers</th>
            <th scope="col" class="wide-only">
              Commands
            </th>
            <th scope="col">For</th>
          </tr>
        </thead>
        <tbody>
          {participants.map((one) => (
            <tr key={one.name}>
              <td>
                <a href={toSagas({ waitingFor: one.name })} title={`Sagas that wait for ${one.name}`}>
                  <Data of={one.name} />
                </a>
                <span class="muted under mono">{one.queue}</span>
              </td>
              <td class="number">{one.depth === undefined ? '–' : count(one.depth)}</td>
              <td>
                <Consumers of={one.consumers} />
              </td>
              <td class="mono words wide-only">{one.commands.join(' ')}</td>
              <td class="words">
                {one.definitions.map((name) => (
                  <a key={name} href={toDefinition(name)}>
                    {name}
                  </a>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/** The same in short, for the overview. */
export function QueueTable({ participants }: { readonly participants: readonly Participant[] }) {
  if (participants.length === 0) return <Empty icon="dot" title="No definition needs one" />;
  return (
    <Scroll label="Participants in short">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Participant</th>
            <th scope="col" class="number">
              Waiting
            </th>
            <th scope="col">Consumers</th>
          </tr>
        </thead>
        <tbody>
          {participants.map((one) => (
            <tr key={one.name}>
              <td>
                <Data of={one.name} />
              </td>
              <td class="number">{one.depth === undefined ? '–' : count(one.depth)}</td>
              <td>
                <Consumers of={one.consumers} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Consumers({ of: number }: { readonly of: number | undefined }) {
  if (number === undefined) return <span class="muted">not told</span>;
  if (number > 0) return <span>{count(number)}</span>;
  return (
    <span class="status tone-stuck">
      <Icon name="alert" size={12} />
      nobody
    </span>
  );
}
