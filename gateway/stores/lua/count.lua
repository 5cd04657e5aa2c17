-- KEYS: windows
-- ARGV: limits and periods
-- Returns the full window if limited, else nothing

local limited = full(1, #KEYS)
if limited then
  return limited
end
count(1, #KEYS)
