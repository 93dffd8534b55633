#!lua name=aether
--[[
Server-side functions of Aether's streams. A function runs alone and its effects reach the
append-only file together, so a group is accepted with its idempotency keys or not at all.

Idempotency keys live in hashes of about a hundred fields (compact listpacks), by part of the
window and by the first twelve bits of the digest: prefix .. part .. ':' .. bucket. A field is the
digest, its value is milliseconds (6 bytes), sequence (4), incarnation (4) and the body's digest.
]]

-- Shards whose stream somebody has compared with PostgreSQL since this server started. It is kept in
-- memory only: a server that starts, perhaps from an older copy of its data, accepts nothing before
-- it is compared again. Otherwise the first new entry would hide that older ones are missing.
local compared = {}

local function bucket_key(prefix, part, digest)
  local high, low = string.byte(digest, 1, 2)
  return prefix .. part .. ':' .. (high * 16 + math.floor(low / 16))
end

local function remember(prefix, part, part_s, parts, digest, value)
  local key = bucket_key(prefix, part, digest)
  if server.call('HSET', key, digest, value) == 1 and server.call('HLEN', key) == 1 then
    server.call('EXPIREAT', key, (part + parts + 2) * part_s)
  end
end

--[[
KEYS  stream, meta, calls, prefix of the idempotency buckets (all of one shard)
ARGV  incarnation (hex), gateway, call token, most entries, seconds of a part, number of parts,
      then for each transaction: digest or '', body's digest, payload
Answer: one word a transaction, parted by blanks: 'ms-seq' accepted, '=ms-seq-incarnation' accepted
before under this key, '!' the key was used with another body. Errors refuse the whole group:
AETHERINCARNATION (also until `agree` was called since the server started), AETHERFULL.
]]
local function accept(KEYS, ARGV)
  local stream, meta, calls, prefix = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
  local field, gateway, token = ARGV[1], ARGV[2], ARGV[3]
  local part_s, parts = tonumber(ARGV[5]), tonumber(ARGV[6])

  -- The same call again, after a lost answer: give that answer, append nothing.
  local last = server.call('HGET', calls, gateway)
  if last and string.sub(last, 1, #token) == token then
    return string.sub(last, #token + 1)
  end
  if not compared[meta] or server.call('HGET', meta, 'incarnation') ~= field then
    return server.error_reply('AETHERINCARNATION the stream is another one')
  end
  local count = (#ARGV - 6) / 3
  if server.call('XLEN', stream) + count > tonumber(ARGV[4]) then
    return server.error_reply('AETHERFULL the backlog is at its limit')
  end

  local part = math.floor(tonumber(server.call('TIME')[1]) / part_s)
  local words = {}
  for index = 0, count - 1 do
    local digest = ARGV[7 + index * 3]
    local word
    if digest ~= '' then
      local body = ARGV[8 + index * 3]
      for back = 0, parts do
        local known = server.call('HGET', bucket_key(prefix, part - back, digest), digest)
        if known then
          if string.sub(known, 15) == body then
            local ms, sequence, incarnation = struct.unpack('>I6I4I4', known)
            word = string.format('=%.0f-%.0f-%.0f', ms, sequence, incarnation)
          else
            word = '!'
          end
          break
        end
      end
    end
    if not word then
      word = server.call('XADD', stream, '*', field, ARGV[9 + index * 3])
      if digest ~= '' then
        local ms, sequence = string.match(word, '(%d+)-(%d+)')
        local value = struct.pack(
          '>I6I4I4', tonumber(ms), tonumber(sequence), tonumber(field, 16)
        ) .. ARGV[8 + index * 3]
        remember(prefix, part, part_s, parts, digest, value)
      end
    end
    words[index + 1] = word
  end
  local answer = table.concat(words, ' ')
  if not last and server.call('HLEN', calls) > 500 then
    server.call('DEL', calls)
  end
  server.call('HSET', calls, gateway, token .. answer)
  return answer
end

--[[
Reload idempotency keys from rows, before a new incarnation accepts anything.
KEYS  prefix of the idempotency buckets
ARGV  seconds of a part, number of parts, then for each key: second of acceptance, digest, value
]]
local function remember_all(KEYS, ARGV)
  local part_s, parts = tonumber(ARGV[1]), tonumber(ARGV[2])
  for index = 3, #ARGV, 3 do
    local part = math.floor(tonumber(ARGV[index]) / part_s)
    remember(KEYS[1], part, part_s, parts, ARGV[index + 1], ARGV[index + 2])
  end
  return (#ARGV - 2) / 3
end

--[[
Let a shard's stream accept, after it was compared with PostgreSQL.
KEYS  meta
ARGV  incarnation (hex)
]]
local function agree(KEYS, ARGV)
  if server.call('HGET', KEYS[1], 'incarnation') ~= ARGV[1] then
    server.call('HSET', KEYS[1], 'incarnation', ARGV[1])
  end
  compared[KEYS[1]] = true
  return 'OK'
end

server.register_function('aether_accept', accept)
-- Writers must be able to begin when memory is used up: only they make room.
server.register_function{
  function_name = 'aether_agree', callback = agree, flags = {'allow-oom'}
}
server.register_function('aether_remember', remember_all)
