// Buildings, ground and points of one scene in WebGL 2. Everything is in the page: it works from a file.
"use strict";

const about = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const canvas = $("view");
const gl = canvas.getContext("webgl2", { antialias: true, preserveDrawingBuffer: true });

const fail = (text) => { $("wrong").style.display = "block"; $("wrong").textContent = text; };
if (!gl) fail("This page needs WebGL 2, which the browser does not offer.");

// Buffers are deflated and in base64.
async function unpack(text, Type) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Type(await new Response(stream).arrayBuffer());
}

// Small matrices, column by column.
const mat = {
  multiply(a, b) {
    const out = new Float32Array(16);
    for (let c = 0; c < 4; c++)
      for (let r = 0; r < 4; r++)
        for (let k = 0; k < 4; k++) out[4 * c + r] += a[4 * k + r] * b[4 * c + k];
    return out;
  },
  perspective(fov, aspect, near, far) {
    const f = 1 / Math.tan(fov / 2), d = near - far;
    return new Float32Array([f / aspect, 0, 0, 0, 0, f, 0, 0, 0, 0, (far + near) / d, -1, 0, 0, 2 * far * near / d, 0]);
  },
  look(eye, at, up) {
    const z = unit(sub(eye, at)), x = unit(cross(up, z)), y = cross(z, x);
    return new Float32Array([x[0], y[0], z[0], 0, x[1], y[1], z[1], 0, x[2], y[2], z[2], 0,
      -dot(x, eye), -dot(y, eye), -dot(z, eye), 1]);
  },
};
const sub = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const unit = (a) => { const n = Math.hypot(...a) || 1; return a.map((v) => v / n); };

// Shaders. Faces are flat, so normals come from the derivatives of the place.
const HEAD = "#version 300 es\nprecision highp float; precision highp int;\n";
const LIGHT = `
vec3 lit(vec3 colour, vec3 place, vec3 eye) {
  vec3 n = normalize(cross(dFdx(place), dFdy(place)));
  if (dot(n, eye - place) < 0.0) n = -n;
  float sun = max(dot(n, normalize(vec3(-0.45, -0.62, 0.65))), 0.0);
  float sky = 0.5 + 0.5 * n.z;
  return colour * (0.42 + 0.2 * sky + 0.5 * sun);
}
// Lets a share of the pixels through, so that points show behind a fading model.
float pattern(vec2 p) {
  ivec2 q = ivec2(p) & 3;
  int v = ((q.x ^ q.y) & 1) * 8 + (q.y & 1) * 4 + (((q.x ^ q.y) >> 1) & 1) * 2 + ((q.y >> 1) & 1);
  return (float(v) + 0.5) / 16.0;
}`;
const SOURCES = {
  solid: [`
in vec3 place; in uint building; in uint label;
uniform mat4 camera; uniform sampler2D colours; uniform int picked;
out vec3 at; flat out vec4 tint; flat out uint kind; flat out int chosen;
void main() {
  at = place; kind = label; chosen = int(building) == picked ? 1 : 0;
  tint = texelFetch(colours, ivec2(int(building) % 1024, int(building) / 1024), 0);
  gl_Position = camera * vec4(place, 1.0);
}`, LIGHT + `
in vec3 at; flat in vec4 tint; flat in uint kind; flat in int chosen;
uniform vec3 eye; uniform float mixing; uniform int mode; uniform vec3 palette[9];
uniform sampler2D photo; uniform vec4 frame; out vec4 colour;
void main() {
  if (pattern(gl_FragCoord.xy) > mixing) discard;
  bool roof = kind == 0u || kind == 5u;
  vec3 c = mode == 1 ? palette[min(kind, 8u)] : roof ? tint.rgb : mix(vec3(0.86, 0.84, 0.81), tint.rgb, 0.12);
  if (mode == 2) {
    vec2 uv = (at.xy - frame.xy) / frame.zw;
    c = roof ? texture(photo, vec2(uv.x, 1.0 - uv.y)).rgb : vec3(0.83, 0.81, 0.78);
  }
  if (chosen == 1) c = mix(c, vec3(1.0, 0.85, 0.2), 0.55);
  colour = vec4(lit(c, at, eye), 1.0);
}`],
  ids: [`
in vec3 place; in uint building; uniform mat4 camera; flat out uint id;
void main() { id = building + 1u; gl_Position = camera * vec4(place, 1.0); }`, `
flat in uint id; out vec4 colour;
void main() { colour = vec4(float(id & 255u), float((id >> 8) & 255u), float((id >> 16) & 255u), 255.0) / 255.0; }`],
  lines: [`
in vec3 place; uniform mat4 camera;
void main() { gl_Position = camera * vec4(place, 1.0); gl_Position.z -= 0.00012 * gl_Position.w; }`, LIGHT + `
uniform float mixing; out vec4 colour;
void main() { if (pattern(gl_FragCoord.xy) > mixing) discard; colour = vec4(0.13, 0.15, 0.18, 1.0); }`],
  ground: [`
in vec3 place; uniform mat4 camera; out vec3 at;
void main() { at = place; gl_Position = camera * vec4(place, 1.0); gl_Position.z += 0.00004 * gl_Position.w; }`, LIGHT + `
in vec3 at; uniform vec3 eye; uniform int mode; uniform sampler2D photo; uniform vec4 frame; out vec4 colour;
void main() {
  vec2 uv = (at.xy - frame.xy) / frame.zw;
  bool seen = mode == 1 && all(greaterThan(uv, vec2(0.0))) && all(lessThan(uv, vec2(1.0)));
  vec3 c = seen ? texture(photo, vec2(uv.x, 1.0 - uv.y)).rgb : vec3(0.70, 0.74, 0.66);
  colour = vec4(seen ? c : lit(c, at, eye), 1.0);
}`],
  points: [`
in vec3 place; uniform mat4 camera; uniform vec2 range; uniform float size, mixing; out vec3 tint;
vec3 ramp(float t) {
  return clamp(vec3(1.5 - abs(4.0 * t - 3.0), 1.5 - abs(4.0 * t - 2.0), 1.5 - abs(4.0 * t - 1.0)), 0.0, 1.0);
}
void main() {
  tint = 0.15 + 0.8 * ramp(clamp((place.z - range.x) / (range.y - range.x), 0.0, 1.0));
  gl_Position = camera * vec4(place, 1.0);
  gl_Position.z -= 0.0001 * gl_Position.w;
  gl_PointSize = clamp(size / gl_Position.w, 1.5, 9.0);
}`, `
in vec3 tint; uniform float mixing; out vec4 colour;
void main() {
  if (length(gl_PointCoord - 0.5) > 0.5) discard;
  colour = vec4(tint, 1.0);
}`],
};

function program(name) {
  const made = gl.createProgram();
  for (const [type, text] of [[gl.VERTEX_SHADER, SOURCES[name][0]], [gl.FRAGMENT_SHADER, SOURCES[name][1]]]) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, HEAD + text);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(made, shader);
  }
  ["place", "building", "label"].forEach((attribute, at) => gl.bindAttribLocation(made, at, attribute));
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made));
  const places = {};
  return { use: () => gl.useProgram(made), at: (key) => (places[key] ??= gl.getUniformLocation(made, key)) };
}

function buffers(place, building, label, index) {
  const vao = gl.createVertexArray();
  gl.bindVertexArray(vao);
  [[place, 3], [building, 1], [label, 1]].forEach(([data, width], at) => {
    if (!data) return;
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(at);
    if (at === 0) gl.vertexAttribPointer(at, width, gl.FLOAT, false, 0, 0);
    else gl.vertexAttribIPointer(at, width, at === 1 ? gl.UNSIGNED_INT : gl.UNSIGNED_BYTE, 0, 0);
  });
  if (index) {
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, index, gl.STATIC_DRAW);
  }
  gl.bindVertexArray(null);
  return { vao, count: index ? index.length : place.length / 3 };
}

// A level of detail: corners are written out for every triangle, since labels belong to triangles.
async function level(packed) {
  const corners = await unpack(packed.vertices, Int32Array);
  const triangles = await unpack(packed.triangles, Uint32Array);
  const labels = await unpack(packed.labels, Uint8Array);
  const cuts = await unpack(packed.cuts, Uint32Array);
  const edges = await unpack(packed.edges, Uint32Array);
  const place = new Float32Array(3 * triangles.length);
  const building = new Uint32Array(triangles.length);
  const label = new Uint8Array(triangles.length);
  for (let i = 0; i < triangles.length; i++)
    for (let k = 0; k < 3; k++) place[3 * i + k] = corners[3 * triangles[i] + k] * packed.step;
  for (let b = 0; b + 1 < cuts.length; b++) building.fill(b, 3 * cuts[b], 3 * cuts[b + 1]);
  for (let t = 0; t < labels.length; t++) label.fill(labels[t], 3 * t, 3 * t + 3);
  const line = new Float32Array(3 * edges.length);
  for (let i = 0; i < edges.length; i++)
    for (let k = 0; k < 3; k++) line[3 * i + k] = corners[3 * edges[i] + k] * packed.step;
  const boxes = Array.from({ length: cuts.length - 1 }, (_, b) => {
    const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity];
    for (let i = 3 * cuts[b]; i < 3 * cuts[b + 1]; i++)
      for (let k = 0; k < 3; k++) {
        low[k] = Math.min(low[k], place[3 * i + k]);
        high[k] = Math.max(high[k], place[3 * i + k]);
      }
    return [low, high];
  });
  return { name: packed.name, mesh: buffers(place, building, label), lines: buffers(line), boxes };
}

async function ground(packed) {
  const { rows, columns, cell, west, north, step } = packed;
  const heights = await unpack(packed.heights, Int32Array);
  const place = new Float32Array(3 * rows * columns);
  const index = [];
  const EMPTY = -2147483648;
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) {
      const i = r * columns + c;
      place.set([west + c * cell, north - r * cell, heights[i] * step], 3 * i);
      const corner = [i, i + columns, i + 1, i + columns + 1];
      if (r + 1 < rows && c + 1 < columns && corner.every((k) => heights[k] !== EMPTY))
        index.push(corner[0], corner[1], corner[2], corner[2], corner[1], corner[3]);
    }
  return buffers(place, null, null, new Uint32Array(index));
}

function texture(source, filter) {
  const made = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, made);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, source);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, filter);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  if (filter !== gl.NEAREST) gl.generateMipmap(gl.TEXTURE_2D);
  else gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  return made;
}

// Colours of buildings.
const NO_VALUE = [0.62, 0.62, 0.64];
const STOPS = [[0.27, 0.0, 0.33], [0.23, 0.32, 0.55], [0.13, 0.57, 0.55], [0.37, 0.79, 0.38], [0.99, 0.91, 0.15]];
const css = (c) => `rgb(${c.map((v) => Math.round(255 * v)).join(",")})`;
function ramp(t) {
  const x = Math.max(0, Math.min(0.9999, t)) * (STOPS.length - 1), i = Math.floor(x);
  return STOPS[i].map((v, k) => v + (x - i) * (STOPS[i + 1][k] - v));
}
// The least and greatest value without the outermost two percent.
function rangeOf(values) {
  const known = values.filter((v) => v !== null).sort((a, b) => a - b);
  if (!known.length) return [0, 1];
  const at = (q) => known[Math.round(q * (known.length - 1))];
  return at(0.02) < at(0.98) ? [at(0.02), at(0.98)] : [at(0.02) - 0.5, at(0.98) + 0.5];
}
const short = (v) => (Math.abs(v) >= 100 ? v.toFixed(0) : Math.abs(v) >= 1 ? v.toFixed(1) : v.toFixed(2));

function colouring(way) {
  const legend = document.createDocumentFragment();
  const line = (colour, text) => {
    const row = document.createElement("div"), mark = document.createElement("i");
    mark.style.background = css(colour);
    row.append(mark, text);
    legend.append(row);
  };
  const values = way.column === undefined ? [] : about.columns[way.column];
  let colour = () => [0.72, 0.36, 0.28];
  if (way.colours) {
    const counts = new Map();
    for (const v of values) counts.set(v, (counts.get(v) ?? 0) + 1);
    colour = (b) => way.colours[values[b]] ?? NO_VALUE;
    [...counts].sort((a, b) => b[1] - a[1]).forEach(([v, n]) => line(way.colours[v] ?? NO_VALUE, `${v ?? "not known"} (${n})`));
  } else if (way.column !== undefined) {
    const [low, high] = way.range ?? rangeOf(values);
    colour = (b) => (values[b] === null ? NO_VALUE : ramp((values[b] - low) / (high - low)));
    const bar = document.createElement("div"), ends = document.createElement("div");
    bar.className = "ramp";
    bar.style.background = `linear-gradient(90deg, ${STOPS.map(css).join(",")})`;
    ends.style.justifyContent = "space-between";
    ends.append(...[low, high].map((v) => Object.assign(document.createElement("span"), { textContent: short(v) + (way.unit ?? "") })));
    legend.append(bar, ends);
    if (values.includes(null)) line(NO_VALUE, "not known");
  } else if (way.mode === 1) about.labels.forEach(([name, c]) => line(c, name));
  return { colour, legend };
}

async function main() {
  const levels = [];
  for (const packed of about.levels) levels.push(await level(packed));
  const land = about.terrain ? await ground(about.terrain) : null;
  const cloud = about.points ? buffers(Float32Array.from(await unpack(about.points.places, Int32Array), (v) => v * about.points.step)) : null;
  let photo = texture(new ImageData(new Uint8ClampedArray([179, 189, 168, 255]), 1, 1), gl.NEAREST);
  let frame = [0, 0, 1, 1];
  if (about.image) {
    const picture = new Image();
    picture.src = about.image.source;
    await picture.decode();
    photo = texture(picture, gl.LINEAR_MIPMAP_LINEAR);
    frame = about.image.frame;
  }
  const rows = Math.max(1, Math.ceil(about.count / 1024));
  const tints = new Uint8ClampedArray(4096 * rows);
  let colours = texture(new ImageData(tints, 1024, rows), gl.NEAREST);
  const programs = Object.fromEntries(Object.keys(SOURCES).map((name) => [name, program(name)]));

  const ways = about.ways.filter((way) => way.mode !== 2 || about.image);
  for (const [box, items] of [[$("colour"), ways], [$("lod"), levels]])
    items.forEach((item, i) => box.add(new Option(item.name, i)));
  $("mixing").style.display = cloud ? "" : "none";
  $("terrain").parentElement.style.display = land ? "" : "none";
  $("image").parentElement.style.display = about.image && land ? "" : "none";

  const start = () => ({ at: [...about.middle], turn: -2.2, tilt: 0.75, away: about.reach });
  let camera = start(), picked = -1, waiting = false;

  function matrices() {
    const flat = Math.cos(camera.tilt) * camera.away;
    const eye = [camera.at[0] + Math.cos(camera.turn) * flat, camera.at[1] + Math.sin(camera.turn) * flat,
      camera.at[2] + Math.sin(camera.tilt) * camera.away];
    const lens = mat.perspective(0.7, canvas.width / canvas.height, camera.away / 60, camera.away * 8 + 3 * about.reach);
    return { eye, view: mat.multiply(lens, mat.look(eye, camera.at, [0, 0, 1])) };
  }

  function draw() {
    waiting = false;
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const size = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
    if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
    const { eye, view } = matrices();
    const mixing = cloud ? $("mix").value / 100 : 1;
    const way = ways[$("colour").value], shown = levels[$("lod").value];
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(0.87, 0.9, 0.93, 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.enable(gl.DEPTH_TEST);
    const set = (name, mesh, kind, more) => {
      const p = programs[name];
      p.use();
      gl.uniformMatrix4fv(p.at("camera"), false, view);
      gl.uniform3fv(p.at("eye"), eye);
      gl.uniform1f(p.at("mixing"), mixing);
      more?.(p);
      gl.bindVertexArray(mesh.vao);
      if (name === "ground") gl.drawElements(kind, mesh.count, gl.UNSIGNED_INT, 0);
      else gl.drawArrays(kind, 0, mesh.count);
    };
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, colours);
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, photo);
    const pictured = (p) => { gl.uniform1i(p.at("photo"), 1); gl.uniform4fv(p.at("frame"), frame); };
    if (land && $("terrain").checked)
      set("ground", land, gl.TRIANGLES, (p) => { pictured(p); gl.uniform1i(p.at("mode"), about.image && $("image").checked ? 1 : 0); });
    if (cloud && mixing < 1)
      set("points", cloud, gl.POINTS, (p) => {
        gl.uniform2fv(p.at("range"), about.points.range);
        gl.uniform1f(p.at("size"), 0.35 * canvas.height / 0.7);
      });
    if (mixing > 0) {
      set("solid", shown.mesh, gl.TRIANGLES, (p) => {
        pictured(p);
        gl.uniform1i(p.at("colours"), 0);
        gl.uniform1i(p.at("picked"), picked);
        gl.uniform1i(p.at("mode"), way.mode ?? 0);
        gl.uniform3fv(p.at("palette"), about.labels.flatMap(([, c]) => c));
      });
      if ($("edges").checked) set("lines", shown.lines, gl.LINES);
    }
    document.body.dataset.drawn = String(Number(document.body.dataset.drawn || 0) + 1);
  }
  const redraw = () => { if (!waiting) { waiting = true; requestAnimationFrame(draw); } };

  function recolour() {
    const { colour, legend } = colouring(ways[$("colour").value]);
    for (let b = 0; b < about.count; b++) tints.set([...colour(b).map((v) => 255 * v), 255], 4 * b);
    gl.deleteTexture(colours);
    colours = texture(new ImageData(tints, 1024, rows), gl.NEAREST);
    $("legend").replaceChildren(legend);
    redraw();
  }

  // The building under a place of the canvas, drawn as numbers into one pixel.
  const target = gl.createFramebuffer();
  function under(x, y) {
    const w = canvas.width, h = canvas.height;
    gl.bindFramebuffer(gl.FRAMEBUFFER, target);
    const picture = gl.createTexture(), depth = gl.createRenderbuffer();
    gl.activeTexture(gl.TEXTURE2);
    gl.bindTexture(gl.TEXTURE_2D, picture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, w, h, 0, gl.RGBA, gl.UNSIGNED_BYTE, null);
    gl.bindRenderbuffer(gl.RENDERBUFFER, depth);
    gl.renderbufferStorage(gl.RENDERBUFFER, gl.DEPTH_COMPONENT24, w, h);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, picture, 0);
    gl.framebufferRenderbuffer(gl.FRAMEBUFFER, gl.DEPTH_ATTACHMENT, gl.RENDERBUFFER, depth);
    gl.viewport(0, 0, w, h);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    const p = programs.ids, mesh = levels[$("lod").value].mesh;
    p.use();
    gl.uniformMatrix4fv(p.at("camera"), false, matrices().view);
    gl.bindVertexArray(mesh.vao);
    gl.drawArrays(gl.TRIANGLES, 0, mesh.count);
    const pixel = new Uint8Array(4);
    const ratio = w / canvas.clientWidth;
    gl.readPixels(Math.floor(x * ratio), Math.floor(h - 1 - y * ratio), 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.deleteTexture(picture);
    gl.deleteRenderbuffer(depth);
    return pixel[0] + 256 * pixel[1] + 65536 * pixel[2] - 1;
  }

  function tell(b) {
    picked = b;
    $("facts").style.display = b < 0 ? "none" : "block";
    if (b >= 0) {
      $("facts").querySelector("h2").textContent = about.ids[b];
      $("facts").querySelector("table").replaceChildren(...Object.entries(about.columns)
        .filter(([, values]) => values[b] !== null)
        .map(([name, values]) => {
          const row = document.createElement("tr");
          for (const text of [name, values[b]]) row.insertCell().textContent = String(text);
          return row;
        }));
    }
    redraw();
  }

  // Hands.
  const held = new Map();
  let moved = 0, pinch = 0;
  const pan = (dx, dy) => {
    const scale = camera.away / canvas.clientHeight, c = Math.cos(camera.turn), s = Math.sin(camera.turn);
    camera.at[0] += scale * (s * dx - c * dy);
    camera.at[1] += scale * (-c * dx - s * dy);
  };
  const zoom = (factor) => { camera.away = Math.max(5, Math.min(20 * about.reach, camera.away * factor)); };
  canvas.addEventListener("pointerdown", (e) => { held.set(e.pointerId, e); moved = 0; canvas.setPointerCapture(e.pointerId); });
  canvas.addEventListener("pointermove", (e) => {
    const last = held.get(e.pointerId);
    if (!last) return;
    const dx = e.clientX - last.clientX, dy = e.clientY - last.clientY;
    moved += Math.hypot(dx, dy);
    held.set(e.pointerId, e);
    if (held.size === 2) {
      const [a, b] = [...held.values()];
      const apart = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
      if (pinch) zoom(pinch / apart);
      pinch = apart;
      pan(dx / 2, dy / 2);
    } else if (e.buttons & 2 || e.shiftKey) pan(dx, dy);
    else {
      camera.turn -= 0.006 * dx;
      camera.tilt = Math.max(0.05, Math.min(1.55, camera.tilt + 0.006 * dy));
    }
    redraw();
  });
  const release = (e) => {
    if (held.delete(e.pointerId) && e.type === "pointerup" && moved < 4 && e.button === 0) tell(under(e.offsetX, e.offsetY));
    pinch = 0;
  };
  for (const type of ["pointerup", "pointercancel"]) canvas.addEventListener(type, release);
  canvas.addEventListener("contextmenu", (e) => e.preventDefault());
  canvas.addEventListener("wheel", (e) => { e.preventDefault(); zoom(Math.exp(0.0012 * e.deltaY)); redraw(); }, { passive: false });
  canvas.addEventListener("dblclick", (e) => {
    const b = under(e.offsetX, e.offsetY);
    if (b < 0) return;
    const [low, high] = levels[$("lod").value].boxes[b];
    camera.at = low.map((v, k) => (v + high[k]) / 2);
    camera.away = Math.max(25, 2.5 * Math.hypot(...sub(high, low)));
    redraw();
  });
  window.addEventListener("keydown", (e) => {
    if (e.target.matches("select, input")) return;
    const step = 0.08 * canvas.clientHeight;
    const keys = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    if (e.key in keys) pan(...keys[e.key]);
    else if (e.key === "+") zoom(0.85);
    else if (e.key === "-") zoom(1.18);
    else if (e.key === "Escape") tell(-1);
    else if (e.key === "r" || e.key === "R") camera = start();
    else return;
    redraw();
  });
  window.addEventListener("resize", redraw);
  $("close").addEventListener("click", () => tell(-1));
  for (const id of ["lod", "mix", "terrain", "image", "edges"]) $(id).addEventListener("input", redraw);
  $("colour").addEventListener("input", recolour);
  recolour();
  // For scripts and tests.
  window.geovision = { about, tell, under, camera: (to) => { Object.assign(camera, to); redraw(); } };
}

if (gl) main().catch((error) => { fail(String(error)); throw error; });
