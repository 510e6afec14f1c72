shapes-here = { $count ->
        [one] { $count } elemento aqui
       *[other] { $count } elementos aqui
    }
shapes-forget = Esquecer os elementos clicados
shapes-zoom = Aproximar a este elemento
shapes-no-value = sem valor
shapes-no-attributes = Esta camada não tem atributos.
shapes-removed-layer = Uma camada removida
shapes-name = { $layer }, elemento { $id }
shapes-kind-integer = inteiro
shapes-kind-real = número
shapes-kind-boolean = sim/não
shapes-kind-text = texto
shapes-kind-date = data
shapes-kind-time = hora
shapes-kind-date-time = data e hora
shapes-kind-other = outro
shapes-attributes-of = Atributos de { $layer }
shapes-reading = A ler os elementos…
shapes-count = { $count } elementos
shapes-count-chosen = { $count } elementos, { $chosen } escolhidos
shapes-zoom-chosen = Aproximar à seleção
shapes-choose-none = Limpar a seleção
shapes-none = Sem elementos
shapes-none-next = Esta camada está vazia.
shapes-sort-by = Ordenar por { $name }
shapes-column-shape = Elemento
shapes-column-shape-tip = Número do elemento no ficheiro; clicar para a ordem do ficheiro
shapes-opening = A ler { $file }…
shapes-opening-done = A ler { $file }… { $done } elementos
shapes-opening-of = A ler { $file }… { $done } de { $total } elementos
shapes-area = Trabalhar só dentro destes elementos
shapes-area-this = Só este elemento
shapes-area-all = Todos com { $column } = { $value }
shapes-area-chosen = Seleção como área
shapes-area-count = { $layer }, { $count } elementos
