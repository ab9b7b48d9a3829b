# Run at every build: writes the commit of SOURCE into HEADER where it has changed. Results name it.
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12
                OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
file(CONFIGURE OUTPUT ${HEADER} CONTENT "#define FROST_COMMIT \"${commit}\"\n")
