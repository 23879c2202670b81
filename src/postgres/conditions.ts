// What core/where.ts says of a state, in SQL over the text of one. The rows of open sagas are read for it one by one: an index on what is in
// their states would have to be kept up at every step. Each begins with what is cheap, so that most texts are never parsed.

/**
 * A state's text as JSON that can be looked into: PostgreSQL refuses to where a NUL or half of a surrogate pair is written in any of its texts,
 * and what somebody's code threw may hold one. Those are left out; the first half of the pattern keeps a backslash that is escaped itself.
 */
export const jsonOf = (state: string): string => String.raw`(case when strpos(${state}, '\u') = 0 then ${state}
  else regexp_replace(${state}, '(\\\\)|\\u(?:0000|[dD][89a-fA-F]..)', '\1', 'g') end)::json`;

/** The steps of the row's state, parsed once. */
const STEPS = `(select ${jsonOf('s.state')} -> 'steps' as steps offset 0) parsed`;

/** One of the row's current steps is the one that the parameter names. */
export const isAtStep = (step: string): string => `strpos(state, '"' || ${step}::text || '":{') > 0 and exists (
  select from ${STEPS}, lateral (select parsed.steps -> ${step}::text as step) at
  where at.step ->> 'outcome' = 'open' or at.step -> 'fault' is not null or (at.step -> 'undo' is not null and at.step -> 'undone' is null))`;

/** The row has a command without an answer at one of the places: rows of name, version, step and side. */
export const isWaitingAt = (places: string): string => `exists (
  select from ${STEPS}, ${places} place(name, version, step, side), lateral (select parsed.steps -> place.step as step) at
  where place.name = s.name and place.version = s.version and case place.side
    when 'doing' then at.step ->> 'outcome' = 'open' and (${isOpen('action')} or ${isOpen('fence')})
    else at.step -> 'undone' is null and ${isOpen('undo')} end)`;

/** The row turned back for the code, or a command of it that has no answer yet failed with it. `written`: the code as it is in the text. */
export const openErrorIs = (code: string, written: string): string => `strpos(state, ${written}::text) > 0 and (
  ${reasonCodeOf('s.state')} = ${code} or ended_at is null and exists (
    select from ${STEPS}, lateral json_each(parsed.steps) at(name, step)
    where at.step ->> 'outcome' = 'open' and (${failedWith('action', code)} or ${failedWith('fence', code)})
      or at.step -> 'undone' is null and ${failedWith('undo', code)}))`;

/** The code that a saga turned back for, of the text of its state. Also in an index: the two have to be written in the same way. */
export const reasonCodeOf = (state: string): string => {
  const parsed = jsonOf(state);
  const step = `${parsed} #>> '{reason,step}'`;
  return `coalesce(${parsed} #>> '{reason,code}', ${parsed} #>> array['steps', ${step}, 'action', 'lastError', 'code'])`;
};

function isOpen(command: string): string {
  return `at.step #>> '{${command},status}' <> 'settled'`;
}
function failedWith(command: string, code: string): string {
  return `(${isOpen(command)} and at.step #>> '{${command},lastError,code}' = ${code}::text)`;
}
