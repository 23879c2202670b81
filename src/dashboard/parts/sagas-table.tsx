import type { SummaryView } from '../api/views.js';
import { shortId } from '../model/words.js';
import { whyBack } from '../../cli/words.js';
import { toSaga } from '../route.js';
import { Status } from './status.js';
import { Ago, Data, Took } from './text.js';

/** A line for each saga; the first column leads to it. */
export function SagasTable({ sagas, label }: { readonly sagas: readonly SummaryView[]; readonly label: string }) {
  return (
    <table class="table sagas">
      <caption class="unseen">{label}</caption>
      <thead>
        <tr>
          <th scope="col">Saga</th>
          <th scope="col">Status</th>
          <th scope="col" class="wide-only">
            Where and why
          </th>
          <th scope="col" class="number">
            Took
          </th>
          <th scope="col" class="number wide-only">
            Started
          </th>
        </tr>
      </thead>
      <tbody>
        {sagas.map((saga) => (
          <tr key={saga.id}>
            <td>
              <a class="saga-link" href={toSaga(saga.id)}>
                <Data of={saga.key ?? shortId(saga.id)} class={saga.key === null ? 'mono' : ''} />
              </a>
              <span class="muted under">
                <Data of={saga.name} /> v{saga.version}
              </span>
            </td>
            <td>
              <Status of={saga.status} />
            </td>
            <td class="wide-only why">
              <Where saga={saga} />
            </td>
            <td class="number">
              <Took from={saga.startedAt} to={saga.endedAt} />
            </td>
            <td class="number wide-only muted">
              <Ago at={saga.startedAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Where({ saga: { at, reason, attention } }: { readonly saga: SummaryView }) {
  const place = at.length > 0 ? `at ${at.join(', ')}` : '';
  const why = reason ? whyBack(reason) : '';
  const text = [place, why, ...attention.map((one) => one.text)].filter((part) => part !== '').join('; ');
  return <Data of={text} class="clip" />;
}
