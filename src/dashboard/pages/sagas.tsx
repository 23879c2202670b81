import { useSignal } from '@preact/signals';
import { STATUSES } from '../../core/state.js';
import { api } from '../api/api.js';
import { useLive } from '../api/live.js';
import { mayOperate } from '../api/me.js';
import { bulkFilter, further, listQuery, readSearch, searchWords, type FilterName, type SagaSearch } from '../model/saga-filter.js';
import { Pages } from '../parts/pages.js';
import { SagasTable } from '../parts/sagas-table.js';
import { Awaited, Empty, Scroll } from '../parts/states.js';
import { Status } from '../parts/status.js';
import { place, setQuery } from '../route.js';
import { BulkDialog } from './bulk.js';

const PAGE = 50;
const EVERY_MS = 3_000;

/** Every saga that there is, a page at a time; what is searched for stands in the address. */
export function SagasPage() {
  const search = readSearch(place.value.query);
  const cursor = place.value.query.get('cursor') ?? undefined;
  const isBulkOpen = useSignal(false);
  const query = { ...listQuery(search), limit: PAGE, ...(cursor === undefined ? {} : { cursor }) };
  const key = JSON.stringify(query);
  // Further pages do not move under the eyes of whoever reads them.
  const live = useLive(`sagas ${key}`, (signal) => api.sagas(query, signal), { everyMs: cursor === undefined ? EVERY_MS : undefined });
  const filter = bulkFilter(search);
  const isFiltered = search.status.length > 0 || Object.keys(search.fields).length > 0;
  return (
    <>
      <div class="page-head">
        <h1>Sagas</h1>
        {mayOperate() && filter ? (
          <button type="button" class="button" onClick={() => (isBulkOpen.value = true)}>
            Act on all of these …
          </button>
        ) : null}
      </div>
      <Filters search={search} />
      <section class="panel" aria-label="Sagas found">
        <Awaited live={live} rows={12}>
          {(page) => (
            <>
              {page.sagas.length === 0 ? (
                <Empty icon="search" title={isFiltered ? 'No saga matches' : 'No saga has been started yet'}>
                  {isFiltered ? (
                    <a href="/sagas">Show all</a>
                  ) : (
                    <>
                      <span class="mono">backstep start NAME --input JSON</span> starts one.
                    </>
                  )}
                </Empty>
              ) : (
                <Scroll label="Table of sagas">
                  <SagasTable sagas={page.sagas} label="Sagas, newest first" />
                </Scroll>
              )}
              <Pages next={page.cursor} isFirst={cursor === undefined} />
            </>
          )}
        </Awaited>
      </section>
      {isBulkOpen.value && filter ? (
        <BulkDialog
          filter={filter}
          words={searchWords(search)}
          step={search.fields.step}
          onClose={() => {
            isBulkOpen.value = false;
            live.refresh();
          }}
        />
      ) : null}
    </>
  );
}

function Filters({ search }: { readonly search: SagaSearch }) {
  const definitions = useLive('definitions', api.definitions);
  const names = [...new Set(definitions.data?.definitions.map(({ name }) => name))];
  const named = search.fields.name;
  const all = named === undefined || names.includes(named) ? names : [named, ...names];
  const toggle = (status: string) => {
    const others = search.status.filter((one) => one !== status);
    setQuery({ status: others.length < search.status.length ? others : [...others, status], cursor: undefined });
  };
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <div class="chips" role="group" aria-label="Status">
        {STATUSES.map((status) => (
          <button type="button" key={status} class="chip" aria-pressed={search.status.includes(status)} onClick={() => toggle(status)}>
            <Status of={status} />
          </button>
        ))}
      </div>
      <div class="filter-row">
        <label class="field">
          <span>Definition</span>
          <select value={named ?? ''} onChange={({ currentTarget }) => setQuery({ name: currentTarget.value, cursor: undefined })}>
            <option value="">Every definition</option>
            {all.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <Filter search={search} name="key" label="Key" placeholder="Business key, exactly" />
        <details class="more" open={further(search) > 0}>
          <summary>More filters{further(search) > 0 ? ` (${further(search)})` : ''}</summary>
          <div class="more-fields">
            <Filter search={search} name="step" label="At step" placeholder="charge" />
            <Filter search={search} name="waitingFor" label="Waits for participant" placeholder="payments" />
            <Filter search={search} name="error" label="Error code" placeholder="card-declined" />
            <Filter search={search} name="tag" label="Tags" placeholder="shop=north" />
            <Filter search={search} name="version" label="Version" placeholder="1" />
            <Filter search={search} name="startedAfter" label="Started after" isTime />
            <Filter search={search} name="startedBefore" label="Started before" isTime />
          </div>
        </details>
        {search.status.length > 0 || Object.keys(search.fields).length > 0 ? (
          <a class="button quiet" href="/sagas">
            Clear
          </a>
        ) : null}
      </div>
    </form>
  );
}

function Filter(props: {
  readonly search: SagaSearch;
  readonly name: FilterName;
  readonly label: string;
  readonly placeholder?: string;
  readonly isTime?: boolean;
}) {
  const { search, name, label, placeholder = '', isTime = false } = props;
  const shared = {
    name,
    value: search.fields[name] ?? '',
    onChange: ({ currentTarget }: { readonly currentTarget: HTMLInputElement }) =>
      setQuery({ [name]: currentTarget.value.trim(), cursor: undefined }),
  };
  return (
    <label class="field">
      <span>{label}</span>
      {isTime ? (
        <input type="datetime-local" {...shared} />
      ) : (
        <input {...shared} placeholder={placeholder} autocomplete="off" spellcheck={false} />
      )}
    </label>
  );
}
