/**
 * The script of the demo page, inline: reads `/events` and draws the two rings. Each ring shows the last entries as lit segments behind its
 * tail; how many are lit, and how fast the tail goes round, is how much there was in the last half second.
 */
export const PAGE_SCRIPT = `
'use strict';
const SEGMENTS = 64;
const byId = (id) => document.getElementById(id);
const canvas = byId('ring');
const pen = canvas.getContext('2d');
const still = matchMedia('(prefers-reduced-motion: reduce)');
const number = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
let last = null;
let rates = { submitted: 0, completed: 0, enters: 0, perEnter: 0 };
let turned = { sq: 0, cq: 0, pulse: 0 };
let drawnAt = 0;

function show(now) {
  const at = performance.now();
  const { ring } = now;
  const values = {
    requests: now.requests, connections: now.connections, accepted: now.accepted,
    submitted: ring.submitted, completed: ring.completed, enters: ring.enters,
    noBuffers: ring.noBuffers, overflows: ring.overflows, stale: ring.stale,
    inFlight: ring.capacity.PendingCompletions.used,
  };
  if (last !== null) {
    const seconds = Math.max(0.05, (at - last.at) / 1000);
    const per = (name) => Math.max(0, values[name] - last.values[name]) / seconds;
    rates = { submitted: per('submitted'), completed: per('completed'), enters: per('enters'), perEnter: 0 };
    rates.perEnter = rates.enters > 0 ? rates.completed / rates.enters : 0;
    values.requestsPerSecond = per('requests');
    values.perEnter = rates.perEnter;
  }
  last = { at, values };
  for (const [name, value] of Object.entries(values)) byId(name).textContent = number.format(value);
  if (still.matches) draw();
}

// From a trickle to a flood on one scale: 0 to 1.
const level = (rate) => Math.min(1, Math.log10(1 + rate) / 6);

function ringAt(x, y, radius, colour, rate, turn) {
  const tail = Math.floor(turn * SEGMENTS);
  const lit = Math.ceil(level(rate) * (SEGMENTS - 4));
  pen.lineWidth = radius * 0.26;
  for (let i = 0; i < SEGMENTS; i++) {
    const behind = (((tail - i) % SEGMENTS) + SEGMENTS) % SEGMENTS;
    const from = (i / SEGMENTS) * 2 * Math.PI - Math.PI / 2;
    pen.beginPath();
    pen.arc(x, y, radius, from + 0.012, from + (2 * Math.PI) / SEGMENTS - 0.012);
    pen.globalAlpha = behind < lit ? 1 - 0.75 * (behind / Math.max(1, lit)) : 0.12;
    pen.strokeStyle = colour;
    pen.stroke();
  }
  pen.globalAlpha = 1;
}

function label(text, x, y, colour, size) {
  pen.fillStyle = colour;
  pen.font = size + 'px system-ui, sans-serif';
  pen.textAlign = 'center';
  pen.textBaseline = 'middle';
  pen.fillText(text, x, y);
}

function draw() {
  const scale = devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue('--' + name).trim();
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  const radius = Math.min(height * 0.34, width * 0.17);
  const left = width * 0.25;
  const right = width * 0.75;
  const middle = height / 2;
  ringAt(left, middle, radius, colour('sq'), rates.submitted, turned.sq);
  ringAt(right, middle, radius, colour('cq'), rates.completed, turned.cq);
  label(number.format(Math.round(rates.submitted)), left, middle - 8, colour('ink'), 20);
  label('SQEs per second', left, middle + 14, colour('dim'), 12);
  label(number.format(Math.round(rates.completed)), right, middle - 8, colour('ink'), 20);
  label('CQEs per second', right, middle + 14, colour('dim'), 12);
  // Between them the kernel: dots that go over, as many as the traffic wants.
  const from = left + radius * 1.2;
  const to = right - radius * 1.2;
  const dots = Math.ceil(level(rates.enters) * 12);
  for (let i = 0; i < dots; i++) {
    const way = (i / dots + turned.pulse) % 1;
    pen.beginPath();
    pen.arc(from + (to - from) * way, middle + 22, 3, 0, 2 * Math.PI);
    pen.globalAlpha = Math.sin(Math.PI * way);
    pen.fillStyle = way < 0.5 ? colour('sq') : colour('cq');
    pen.fill();
  }
  pen.globalAlpha = 1;
  const middleX = width / 2;
  if (to - from > 60) {
    label('enter', middleX, middle - 26, colour('dim'), 12);
    label(number.format(Math.round(rates.enters)) + '/s', middleX, middle - 8, colour('ink'), 16);
  }
}

function frame(time) {
  const seconds = Math.min(0.1, (time - drawnAt) / 1000);
  drawnAt = time;
  turned.sq += seconds * level(rates.submitted) * 0.6;
  turned.cq += seconds * level(rates.completed) * 0.6;
  turned.pulse += seconds * (0.15 + level(rates.enters) * 0.5);
  if (!still.matches) draw();
  requestAnimationFrame(frame);
}

function say(state, text) {
  const link = byId('link');
  if (link.dataset.state === state) return;
  link.dataset.state = state;
  link.textContent = text;
}

const events = new EventSource('/events');
events.onmessage = (event) => {
  say('live', 'Live');
  show(JSON.parse(event.data));
};
events.onerror = () => {
  last = null;
  say('lost', 'The server is gone; looking for it');
};

byId('commands').textContent =
  'curl -d "one ring" ' + location.origin + '/echo\\n' +
  'curl -T big.iso ' + location.origin + '/echo -o copy.iso\\n' +
  'wrk -c 64 -d 5 ' + location.origin + '/text';

byId('traffic').onclick = async () => {
  const button = byId('traffic');
  const result = byId('traffic-result');
  button.disabled = true;
  result.textContent = '';
  const end = performance.now() + 5000;
  let good = 0;
  let bad = 0;
  const lane = async () => {
    while (performance.now() < end) {
      try {
        const response = await fetch('/text', { cache: 'no-store' });
        await response.text();
        if (response.ok) good++;
        else bad++;
      } catch {
        bad++;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  };
  await Promise.all([lane(), lane(), lane(), lane()]);
  button.disabled = false;
  result.textContent = number.format(good) + ' answered' + (bad > 0 ? ', ' + number.format(bad) + ' failed' : '');
};

addEventListener('resize', draw);
draw();
requestAnimationFrame(frame);
`;
