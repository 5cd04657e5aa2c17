-- KEYS: windows
-- ARGV: limits and periods
-- Returns the full window if limited, else nothing

return full(1, #KEYS)
