# cmake -DSRC=<root> -P check_floors.cmake: fails if a file includes a floor above its own or a
# sibling on the same floor, if a core header includes Qt, or if any core file uses Gui or Widgets.
set(floors
    "core/base"
    "core/pipeline"
    "core/crypto core/compress"
    "core/net core/format core/model"
    "core/storage"
    "core/repository core/postgres"
    "core/backup core/restore core/wal core/verify core/logical core/foreign core/cloud core/stores"
    "core/rescue core/finder"
    "core/catalog core/policy core/settings core/journal"
    "core/runbook core/notify core/metrics"
    "core/drill core/incident"
    "core/console"
    "core/cli"
    "gui/text"
    "gui/models"
    "gui/widgets"
    "gui/pages gui/flows"
    "gui/app")
set(level 0)
foreach(floor IN LISTS floors)
    separate_arguments(folders UNIX_COMMAND "${floor}")
    foreach(folder IN LISTS folders)
        set(level_of_${folder} ${level})
    endforeach()
    math(EXPR level "${level} + 1")
endforeach()

file(GLOB_RECURSE files RELATIVE ${SRC} ${SRC}/core/*.h ${SRC}/core/*.cpp ${SRC}/gui/*.h ${SRC}/gui/*.cpp)
foreach(file IN LISTS files)
    string(REGEX MATCH "^[a-z]+/[a-z]+" own ${file})
    if(NOT DEFINED level_of_${own})
        message(SEND_ERROR "${file}: ${own} is on no floor")
        continue()
    endif()
    file(STRINGS ${SRC}/${file} includes REGEX "^#include")
    foreach(line IN LISTS includes)
        if(own MATCHES "^core/" AND line MATCHES "<Q(Widget|Application|GuiApplication|Icon|Pixmap|Color|Font|Painter|MessageBox|Dialog|tGui|tWidgets)")
            message(SEND_ERROR "${file}: core may not use Qt Gui or Qt Widgets: ${line}")
        elseif(own MATCHES "^core/" AND file MATCHES "\\.h$" AND line MATCHES "<Q[A-Zt]")
            message(SEND_ERROR "${file}: core headers may not include Qt: ${line}")
        endif()
        if(NOT line MATCHES "\"((core|gui)/[a-z]+)/")
            continue()
        endif()
        set(other ${CMAKE_MATCH_1})
        if(NOT DEFINED level_of_${other} OR level_of_${other} GREATER level_of_${own}
           OR (level_of_${other} EQUAL level_of_${own} AND NOT other STREQUAL own))
            message(SEND_ERROR "${file}: ${own} may not include ${other}")
        endif()
    endforeach()
endforeach()
