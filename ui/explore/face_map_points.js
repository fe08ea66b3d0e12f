// How the points of the map are painted: part of face_map.js.

const VERTEX = `#version 300 es
in vec2 place;
in vec4 colour;
uniform vec2 centre, factor;
uniform float size;
out vec4 shade;
void main() {
  gl_Position = vec4((place - centre) * factor, 0., 1.);
  gl_PointSize = size;
  shade = colour;
}`;
const FRAGMENT = `#version 300 es
precision highp float;
in vec4 shade;
uniform float size;
out vec4 pixel;
void main() {
  float edge = clamp(.5 * size + .5 - length(gl_PointCoord - .5) * size, 0., 1.);
  pixel = vec4(shade.rgb, 1.) * shade.a * edge;
}`;

function glPainter(canvas) {
  const gl = canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: true });
  if (!gl) return null;
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
    canvas.replaceWith(canvas.cloneNode()); // one that had a WebGL context never gets another kind
    return null;
  }
  const buffers = { place: gl.createBuffer(), colour: gl.createBuffer(), order: gl.createBuffer() };
  const fill = (target, buffer, values) => {
    gl.bindBuffer(target, buffer);
    gl.bufferData(target, values, gl.STATIC_DRAW);
  };
  let n = 0;
  return {
    name: "webgl2",
    setPlaces: (places) => fill(gl.ARRAY_BUFFER, buffers.place, places),
    setColours(colours, order) {
      fill(gl.ARRAY_BUFFER, buffers.colour, colours);
      fill(gl.ELEMENT_ARRAY_BUFFER, buffers.order, order);
      n = order.length;
    },
    draw({ centre, scale, size_: { width, height } }, size) {
      gl.viewport(0, 0, canvas.width, canvas.height);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT);
      gl.useProgram(program);
      gl.enable(gl.BLEND);
      gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
      for (const [name, length, type] of [["place", 2, gl.UNSIGNED_SHORT], ["colour", 4, gl.UNSIGNED_BYTE]]) {
        const at = gl.getAttribLocation(program, name);
        gl.bindBuffer(gl.ARRAY_BUFFER, buffers[name]);
        gl.enableVertexAttribArray(at);
        gl.vertexAttribPointer(at, length, type, true, 0, 0);
      }
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, buffers.order);
      gl.uniform2f(gl.getUniformLocation(program, "centre"), ...centre);
      gl.uniform2f(gl.getUniformLocation(program, "factor"), (2 * scale) / width, (2 * scale) / height);
      gl.uniform1f(gl.getUniformLocation(program, "size"), size);
      gl.drawElements(gl.POINTS, n, gl.UNSIGNED_INT, 0);
    },
    close: () => gl.getExtension("WEBGL_lose_context")?.loseContext(),
  };
}

// Where a browser has no WebGL: squares, put into the pixels directly.
function plainPainter(canvas) {
  const context = canvas.getContext("2d");
  let places, colours, order;
  return {
    name: "plain",
    setPlaces: (given) => (places = given),
    setColours: (given, ordered) => ([colours, order] = [given, ordered]),
    draw({ centre, scale, size_: { width, height } }, size) {
      const picture = context.createImageData(canvas.width, canvas.height), { data } = picture;
      const ratio = canvas.width / width, factor = scale * ratio, side = Math.max(2, Math.round(size * 0.9));
      for (const i of order) {
        const left = Math.round((places[2 * i] / 65535 - centre[0]) * factor + (width * ratio - side) / 2);
        const top = Math.round((height * ratio - side) / 2 - (places[2 * i + 1] / 65535 - centre[1]) * factor);
        if (left < 0 || top < 0 || left + side > canvas.width || top + side > canvas.height) continue;
        for (let y = top; y < top + side; y++) {
          for (let at = 4 * (y * canvas.width + left), end = at + 4 * side; at < end; at += 4) {
            const alpha = Math.max(colours[4 * i + 3], data[at + 3]), share = colours[4 * i + 3] / alpha;
            for (let c = 0; c < 3; c++) data[at + c] += (colours[4 * i + c] - data[at + c]) * share;
            data[at + 3] = alpha;
          }
        }
      }
      context.putImageData(picture, 0, 0);
    },
    close() {},
  };
}
