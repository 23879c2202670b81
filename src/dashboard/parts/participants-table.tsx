import { share } from '../../cli/words.js';
import type { FiguresView, ParticipantsView } from '../api/views.js';
import { count, counted } from '../model/words.js';
import { toDefinition, toSagas } from '../route.js';
import { Icon } from './icon.js';
import { Empty, Scroll } from './states.js';
import { Data } from './text.js';

type Participant = ParticipantsView['participants'][number];

/** Who works for the sagas, what waits for them, and how often they fail. `short`: without what they are for. */
export function ParticipantsTable(props: {
  readonly participants: readonly Participant[];
  /** `undefined`: not known, or not yet. */
  readonly figures: FiguresView | undefined;
  readonly short?: boolean;
}) {
  const { participants, figures, short = false } = props;
  if (participants.length === 0) return <Empty icon="dot" title="No definition that is loaded needs a participant" />;
  return (
    <>
      <Scroll label={short ? 'Participants in short' : 'Participants'}>
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Participant</th>
              <th scope="col" class="number">
                Waiting
              </th>
              <th scope="col" class="number">
                Consumers
              </th>
              <th scope="col" class="number">
                Errors
              </th>
              {short ? null : (
                <>
                  <th scope="col" class="wide-only">
                    Commands
                  </th>
                  <th scope="col" class="wide-only">
                    For
                  </th>
                </>
              )}
            </tr>
          </thead>
          <tbody>
            {participants.map((one) => (
              <tr key={one.name}>
                <td>
                  <a href={toSagas({ waitingFor: one.name })} title={`Sagas that wait for ${one.name}`}>
                    <Data of={one.name} />
                  </a>
                  {short ? null : <span class="muted under mono wide-only">{one.queue}</span>}
                </td>
                <td class="number">{one.depth === undefined ? '–' : count(one.depth)}</td>
                <td class="number">
                  <Consumers of={one.consumers} />
                </td>
                <td class="number">
                  <Errors of={figures?.participants.find(({ name }) => name === one.name)} />
                </td>
                {short ? null : (
                  <>
                    <td class="mono words wide-only">{one.commands.join(' ')}</td>
                    <td class="words wide-only">
                      {one.definitions.map((name) => (
                        <a key={name} href={toDefinition(name)}>
                          {name}
                        </a>
                      ))}
                    </td>
                  </>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {figures ? <p class="note muted">Errors: of tries, in {whatOf(figures)}.</p> : null}
    </>
  );
}

/** What figures are of, in words. */
export function whatOf({ of }: FiguresView): string {
  return `the newest ${counted(of, 'finished saga')} of each version`;
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

function Errors({ of: figures }: { readonly of: FiguresView['participants'][number] | undefined }) {
  if (!figures || figures.errorRate === null) return <span class="muted">–</span>;
  const { tries, errors, rejected, errorRate } = figures;
  const said = `${count(errors)} of ${counted(tries, 'try', 'tries')} came to nothing; ${counted(rejected, 'rejection')}`;
  return (
    <span class={errors === 0 ? 'muted' : ''} title={said}>
      {share(errorRate)}
    </span>
  );
}
