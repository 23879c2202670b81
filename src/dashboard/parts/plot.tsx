import { count } from '../model/words.js';

const WIDTH = 300;
const HEIGHT = 56;

export interface PlotPoint {
  readonly at: string;
  readonly value: number;
}

/** A bar a minute, the last one still growing; as high as the highest of them. */
export function MinutePlot({
  label,
  points,
  tone,
}: {
  readonly label: string;
  readonly points: readonly PlotPoint[];
  readonly tone: string;
}) {
  const most = Math.max(1, ...points.map(({ value }) => value));
  const whole = points.slice(0, -1);
  const last = whole.at(-1)?.value ?? points.at(-1)?.value ?? 0;
  const width = WIDTH / SLOTS;
  const first = SLOTS - points.length;
  return (
    <figure class={`plot plot-${tone}`}>
      <figcaption>
        <span class="plot-label">{label}</span>
        <span class="plot-value">
          {count(last)}
          <span class="plot-unit">/min</span>
        </span>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${label} per minute: ${count(last)}, at most ${count(most)}`}
      >
        <line class="plot-base" x1="0" x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} />
        {points.map(({ at, value }, index) => {
          const height = value === 0 ? 0 : Math.max(2, (value / most) * (HEIGHT - 4));
          const isOpen = index === points.length - 1;
          return (
            <rect
              key={at}
              class={isOpen ? 'open' : ''}
              x={(first + index) * width + 0.5}
              y={HEIGHT - height}
              width={width - 1}
              height={height}
            >
              <title>{`${new Date(at).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })}: ${count(value)}`}</title>
            </rect>
          );
        })}
      </svg>
      <div class="plot-axis" aria-hidden="true">
        <span>1 h ago</span>
        <span>most {count(most)}</span>
        <span>now</span>
      </div>
    </figure>
  );
}
const SLOTS = 60;
