import type { StepView } from '../api/views.js';
import { duration } from '../model/words.js';
import { Json } from './json.js';
import { Status } from './status.js';
import { Ago, Data } from './text.js';

type Command = Pick<StepView, 'commandId' | 'attempts' | 'startedAt' | 'settledAt' | 'timeoutAt' | 'retryAt' | 'request' | 'error'>;

/** Every step with what was asked and answered; opened one by one. */
export function Steps({ steps, open }: { readonly steps: readonly StepView[]; readonly open: ReadonlySet<string> }) {
  return (
    <div class="steps">
      {steps.map((step) => (
        <details key={step.name} class="step" id={`step-${step.name}`} open={open.has(step.name)}>
          <summary>
            <span class="step-name">
              <Data of={step.name} />
            </span>
            <Status of={step.state} />
            <span class="muted mono wide-only">
              <Data of={step.command ?? step.kind} />
            </span>
            <span class="step-facts muted">
              {step.attempts > 1 ? `${step.attempts} attempts · ` : ''}
              {step.startedAt && step.settledAt ? duration(Date.parse(step.settledAt) - Date.parse(step.startedAt)) : ''}
              {step.retryAt ? (
                <>
                  again <Ago at={step.retryAt} />
                </>
              ) : null}
            </span>
          </summary>
          <div class="step-body">
            <CommandFacts command={step} />
            <div class="step-json">
              {step.request === undefined ? null : <Json value={step.request} label={`Request of ${step.name}`} />}
              {step.reply === undefined ? null : <Json value={step.reply} label={`Reply of ${step.name}`} />}
            </div>
            {step.compensation ? (
              <>
                <h3>
                  Compensation <Status of={step.compensation.state === 'succeeded' ? 'compensated' : step.compensation.state} />
                  {step.compensation.byHand ? <span class="muted"> by hand</span> : null}
                </h3>
                <CommandFacts command={step.compensation} />
                {step.compensation.request === undefined ? null : (
                  <div class="step-json">
                    <Json value={step.compensation.request} label={`Request of ${step.name}'s compensation`} />
                  </div>
                )}
              </>
            ) : null}
          </div>
        </details>
      ))}
    </div>
  );
}

function CommandFacts({ command }: { readonly command: Command }) {
  const { commandId, attempts, startedAt, settledAt, timeoutAt, retryAt, error } = command;
  return (
    <>
      {error ? (
        <p class="fault">
          {error.code ? (
            <>
              <Data of={error.code} class="mono" />:{' '}
            </>
          ) : null}
          <Data of={error.message} />
        </p>
      ) : null}
      <dl class="facts">
        {startedAt ? (
          <div>
            <dt>First sent</dt>
            <dd>
              <Ago at={startedAt} />
            </dd>
          </div>
        ) : null}
        {settledAt ? (
          <div>
            <dt>Settled</dt>
            <dd>
              <Ago at={settledAt} />
            </dd>
          </div>
        ) : null}
        {attempts > 0 ? (
          <div>
            <dt>Attempts</dt>
            <dd>{attempts}</dd>
          </div>
        ) : null}
        {timeoutAt ? (
          <div>
            <dt>Answer due</dt>
            <dd>
              <Ago at={timeoutAt} />
            </dd>
          </div>
        ) : null}
        {retryAt ? (
          <div>
            <dt>Tried again</dt>
            <dd>
              <Ago at={retryAt} />
            </dd>
          </div>
        ) : null}
        {commandId ? (
          <div class="fact-long">
            <dt>Command id</dt>
            <dd class="mono">
              <Data of={commandId} />
            </dd>
          </div>
        ) : null}
      </dl>
    </>
  );
}
