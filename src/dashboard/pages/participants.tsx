import { api } from '../api/api.js';
import { useLive } from '../api/live.js';
import type { ParticipantsView } from '../api/views.js';
import { counted } from '../model/words.js';
import { ParticipantsTable } from '../parts/participants-table.js';
import { Awaited, Empty, Panel } from '../parts/states.js';

const EVERY_MS = 2_000;
/** The server answers for up to a minute with what it has read. */
const FIGURES_EVERY_MS = 10_000;

/** Who works for the sagas, and whether somebody is there. */
export function ParticipantsPage() {
  const live = useLive('participants', api.participants, { everyMs: EVERY_MS });
  const figures = useLive('figures', api.figures, { everyMs: FIGURES_EVERY_MS });
  return (
    <>
      <div class="page-head">
        <h1>Participants</h1>
      </div>
      <Panel title="Commands for each">
        <Awaited live={live}>
          {(data) =>
            data === null ? (
              <Empty icon="question" title="This server does not tell" />
            ) : (
              <ParticipantsTable participants={data.participants} figures={figures.data ?? undefined} />
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
